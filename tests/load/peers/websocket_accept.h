/* What a WebSocket server answers to the key of an upgrade: the SHA-1 of key
 * and GUID in base64. */
#ifndef WEBSOCKET_ACCEPT_H
#define WEBSOCKET_ACCEPT_H

#include <stdint.h>
#include <string.h>

static uint32_t rotated(uint32_t x, int by) { return x << by | x >> (32 - by); }

static void sha1_block(uint32_t state[5], const uint8_t *block) {
  uint32_t w[80], a = state[0], b = state[1], c = state[2], d = state[3], e = state[4];
  for (int i = 0; i < 16; i++, block += 4)
    w[i] = (uint32_t)block[0] << 24 | block[1] << 16 | block[2] << 8 | block[3];
  for (int i = 16; i < 80; i++) w[i] = rotated(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
  for (int i = 0; i < 80; i++) {
    uint32_t f = i < 20   ? ((b & c) | (~b & d)) + 0x5a827999
                 : i < 40 ? (b ^ c ^ d) + 0x6ed9eba1
                 : i < 60 ? ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc
                          : (b ^ c ^ d) + 0xca62c1d6;
    uint32_t next = rotated(a, 5) + f + e + w[i];
    e = d, d = c, c = rotated(b, 30), b = a, a = next;
  }
  state[0] += a, state[1] += b, state[2] += c, state[3] += d, state[4] += e;
}

/* Writes 28 characters and a NUL for the key's 24.  Key and GUID have 60 bytes
 * together, and with padding and length two blocks. */
static void write_accept(char *accept, const char *key) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  uint32_t state[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
  uint8_t blocks[128] = {[60] = 0x80, [126] = 60 * 8 >> 8, [127] = 60 * 8 & 255}, hash[21] = {0};
  memcpy(blocks, key, 24);
  memcpy(blocks + 24, "258EAFA5-E914-47DA-95CA-C5AB0DC85B11", 36);
  sha1_block(state, blocks);
  sha1_block(state, blocks + 64);
  for (int i = 0; i < 20; i++) hash[i] = (uint8_t)(state[i / 4] >> (24 - 8 * (i % 4)));
  for (int i = 0; i < 21; i += 3, accept += 4) {
    uint32_t three = (uint32_t)hash[i] << 16 | hash[i + 1] << 8 | hash[i + 2];
    for (int digit = 0; digit < 4; digit++) accept[digit] = digits[three >> (18 - 6 * digit) & 63];
  }
  memcpy(accept - 1, "=", 2);
}

#endif
