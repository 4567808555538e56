// Writes the golden vectors beside it, with the official parsers:
//
//   npm ci --prefix tests/reference && node tests/vectors/make.mjs
//
// Inputs are listed here, outputs are whatever engine.io-parser and
// socket.io-parser make of them. Binary data is {"base64": "…"}.
//
// A vector with "strict" is one that the official parser accepts only because
// JavaScript converts strings to numbers freely, or because it does not look;
// the text says why a stricter parser may refuse it.

import { writeFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(new URL("../reference/package.json", import.meta.url));
const engineio = require("engine.io-parser");
const socketio = require("socket.io-parser");

const binary = (...bytes) => Buffer.from(bytes);
const SEPARATOR = "\x1e";
const P = '{"_placeholder":true,"num":0}';

save("engineio-packets.json", { encode: encodePackets(), decode: decodePackets() });
save("engineio-payloads.json", { encode: encodePayloads(), decode: decodePayloads() });
save("socketio-packets.json", { encode: encodeSocketPackets(), decode: decodeSocketPackets() });

function save(name, content) {
  const lines = Object.entries(content).map(
    ([key, vectors]) =>
      `${JSON.stringify(key)}: [\n${vectors.map((vector) => "  " + JSON.stringify(vector)).join(",\n")}\n]`,
  );
  writeFileSync(new URL(name, import.meta.url), `{\n${lines.join(",\n")}\n}\n`);
}

function portable(data) {
  return Buffer.isBuffer(data) ? { base64: data.toString("base64") } : data;
}

// ---------------------------------------------------------------- Engine.IO

function messages() {
  return [
    { type: "open", data: '{"sid":"lv_VI97HAXpY6yYWAAAB","upgrades":[]}' },
    { type: "close" },
    { type: "ping" },
    { type: "ping", data: "probe" },
    { type: "pong", data: "probe" },
    { type: "pong" },
    { type: "upgrade" },
    { type: "noop" },
    { type: "message" },
    { type: "message", data: "message" },
    { type: "message", data: "4" },
    { type: "message", data: "b" },
    { type: "message", data: "\u00e9\u20ac\ud83d\ude00\u0000\r\n" },
    { type: "message", data: binary() },
    { type: "message", data: binary(0) },
    { type: "message", data: binary(0, 1) },
    { type: "message", data: binary(1, 2, 3) },
    { type: "message", data: binary(1, 2, 3, 4) },
    { type: "message", data: binary(0xfb, 0xff, 0xbf, 0xfe) },
    { type: "message", data: Buffer.from(Array.from({ length: 256 }, (_, i) => i)) },
  ];
}

function encodePackets() {
  return messages().map((packet) => {
    const encode = (supportsBinary) => {
      let encoded;
      engineio.encodePacket(packet, supportsBinary, (result) => (encoded = result));
      return portable(encoded);
    };
    return {
      packet: { type: packet.type, data: portable(packet.data) },
      websocket: encode(true),
      polling: encode(false),
    };
  });
}

function decodePackets() {
  const texts = [
    ..."0123456".split(""),
    "0{}", "2probe", "3probe", "4message", "44", "4\u20ac", "4\u0000", "5x", "6x",
    "", "7", "8", "9", "a", "B", "-1", " 4", "{", "\u00e9", "\ufeff4", "10",
    "b", "bAA==", "bAAE=", "bAAEC", "bAQIDBA==", "b+/+/", "bAQIDBA",
  ];
  const strict = {
    "bA": "base64 of six bits is no byte",
    "b!!AQ==": "the official decoder skips what is not base64",
    "bAQ==AQ==": "base64 ends with its padding",
    "b-_-_": "this is the other alphabet of base64",
    "b AQ==": "white space is not base64",
  };
  const decode = (text) => {
    const packet = engineio.decodePacket(text, "nodebuffer");
    if (packet.type === "error") return { text, error: packet.data };
    return { text, packet: { type: packet.type, data: portable(packet.data) } };
  };
  return [
    ...texts.map(decode),
    ...Object.entries(strict).map(([text, reason]) => ({ ...decode(text), strict: reason })),
  ];
}

function encodePayloads() {
  const all = messages();
  const batches = [
    [all[9]],
    [all[8]],
    [all[9], all[2], all[17], all[7]],
    [all[17], all[13], all[9]],
    [all[12], all[12]],
    all,
  ];
  return batches.map((packets) => {
    let payload;
    engineio.encodePayload(packets, (result) => (payload = result));
    return {
      packets: packets.map((packet) => ({ type: packet.type, data: portable(packet.data) })),
      payload,
    };
  });
}

function decodePayloads() {
  const payloads = [
    ["4a"], ["4a", "4b", "4c"], ["4"], ["4", "4", "4"], ["b", "4"], ["4a", "bAQIDBA==", "2", "4b"],
    ["1", "4late"], ["4\u20ac", "4\ud83d\ude00"], ["6", "6", "6"], ["4a4b"], ["4\n4b"],
    [""], ["", "4a"], ["4a", ""], ["4a", "", "4b"], ["4a", "x", "4b"], ["x"], ["4a", "7"], ["9", "4a"],
  ];
  return payloads.map((parts) => {
    const payload = parts.join(SEPARATOR);
    const packets = engineio.decodePayload(payload, "nodebuffer");
    const error = packets.at(-1)?.type === "error" ? packets.pop().data : undefined;
    return {
      payload,
      packets: packets.map((packet) => ({ type: packet.type, data: portable(packet.data) })),
      error,
    };
  });
}

// ---------------------------------------------------------------- Socket.IO

function encodeSocketPackets() {
  const { CONNECT, DISCONNECT, EVENT, ACK, CONNECT_ERROR } = socketio.PacketType;
  const packets = [
    { type: CONNECT, nsp: "/", data: { sid: "oSO0OpakMV_3jnilAAAA" } },
    { type: CONNECT, nsp: "/custom", data: { sid: "oSO0OpakMV_3jnilAAAA" } },
    { type: CONNECT_ERROR, nsp: "/", data: { message: "Not authorized" } },
    { type: CONNECT_ERROR, nsp: "/custom", data: { message: "no \"entry\"", data: { code: 4001 } } },
    { type: CONNECT_ERROR, nsp: "/x", data: { message: "Invalid namespace" } },
    { type: DISCONNECT, nsp: "/" },
    { type: DISCONNECT, nsp: "/custom" },
    { type: EVENT, nsp: "/", data: ["message"] },
    { type: EVENT, nsp: "/", data: ["message", 1, "2", { 3: [null, true, 1.5] }] },
    { type: EVENT, nsp: "/", data: ["with \"quotes\" \\ and \u20ac\n"] },
    { type: EVENT, nsp: "/", data: [""] },
    { type: EVENT, nsp: "/", id: 0, data: ["message"] },
    { type: EVENT, nsp: "/custom", id: 456, data: ["project:delete", 123] },
    { type: EVENT, nsp: "/", data: ["message", binary(1, 2, 3)] },
    { type: EVENT, nsp: "/custom", id: 12, data: ["message", [binary(1), { a: binary() }], binary(3)] },
    { type: ACK, nsp: "/", id: 0, data: [] },
    { type: ACK, nsp: "/", id: 9007199254740991, data: ["a", {}] },
    { type: ACK, nsp: "/custom", id: 456, data: [1] },
    { type: ACK, nsp: "/custom", id: 456, data: [binary(3, 2, 1)] },
  ];
  return packets.map((packet) => {
    const encoder = new socketio.Encoder();
    const plain = { ...packet, data: withPlaceholders(packet.data) };
    const [text, ...attachments] = encoder.encode(packet);
    return { packet: described(plain), text, attachments: attachments.map(portable) };
  });
}

// The data as it stands in the text, so that a parser that never takes the JSON
// apart can be tested too.
function withPlaceholders(data) {
  let num = 0;
  const walk = (value) => {
    if (Buffer.isBuffer(value)) return { _placeholder: true, num: num++ };
    if (Array.isArray(value)) return value.map(walk);
    if (value !== null && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, walk(inner)]));
    }
    return value;
  };
  return walk(data);
}

function described({ type, nsp, id, data }) {
  return { type: socketio.PacketType[type], nsp, id, data };
}

function decodeSocketPackets() {
  const fine = [
    "0", "0/", "0/,", "0/custom", "0/custom,", "0/custom,{}", '0{"token":"123"}', '0/custom,{"token":"123"}',
    "0{}", "0/a/b?c=d,", "01",
    "1", "1/custom", "1/custom,",
    '2["message"]', "2", "25", '2["message",1,{"a":[null]}]', '21["message"]', '2/custom,["message"]', '2/custom,456["message",1]',
    "2[1]", "2[0,1]", "2[-1]", '2[""]', '2["\\u006dessage"]', '2["message"] ', '2[ "message" , 1 ]',
    '2/,["message"]', '2/,7["message"]', '20["message"]', '2007["message"]', '29007199254740991["message"]',
    '2["connection"]', '2["error"]', '2["__proto__"]', `2["message",${P}]`,
    "3", "35", "3[]", "31[]", "3/custom,456[1]", "31[null]",
    "4", "41", "4{}", '4"x"', '4{"message":"Not authorized"}', '4/custom,{"message":"x","data":{"code":1}}',
  ];
  const attached = [
    [`51-["message",${P}]`, binary(1, 2, 3)],
    [`51-/custom,["message",${P}]`, binary(1)],
    [`51-/custom,12["message",${P}]`, binary(1)],
    [`52-["message",${P},{"a":[{"_placeholder":true,"num":1}]}]`, binary(1), binary()],
    ['52-["message",{"_placeholder":true,"num":1},{"_placeholder":true,"num":0}]', binary(1), binary(2)],
    [`51-["message",${P},${P}]`, binary(1)],
    ['51-["message"]', binary(1)],
    ['51-["message",{"_placeholder":"true","num":5}]', binary(1)],
    ['51-["message",{"num":0,"_placeholder":true,"more":1}]', binary(1)],
    [`61-0[${P}]`, binary(3)],
    [`61-/custom,456[${P},"x"]`, binary(3)],
    [`510-["message"]`, ...Array.from({ length: 10 }, (_, i) => binary(i))],
    [`501-["message",${P}]`, binary(1)],
  ];
  const wrong = [
    "7", "8", "9", "a", "-", "{}",
    "0[]", '0"x"', "0null", "0true", "0{", "0x", "0/custom,x", "01{", "1{}", "1[]", '1"x"', "1x", "1/custom,{}",
    "2{}", '2"x"', "2null", "2true", "2[]", "2[null]", "2[{}]", "2[[]]", "2[true]", '2[{"toString":"foo"}]', "2[", "2x", "25x",
    '2["message"', '2["message",]', '2["message"]x', '2["message",01]', "2['message']", '2["message",undefined]', '2["message",NaN]',
    '2["connect"]', '2["connect_error"]', '2["disconnect"]', '2["disconnecting"]', '2["newListener"]',
    '2["removeListener"]', '2["connect",1]', '21["disconnect"]', '2["\\u0063onnect"]',
    "3{}", '3"x"', "31null", "31{", "3x", "4[]", "4null", "4true", "4{", "4x",
    "5", "5-", '5["message"]', '5-["message"]', '5x-["message"]', '51["message"]', '5-1-["message"]', '51.5-["message"]',
    '50-["message"]', '511-["message"]', '51000000000000000000000-["message"]', '5Infinity-["message"]', '5NaN-["message"]',
    "51-{}", "51-[]", '51-["connect"]', "51-[", "51-x", "6", "6-", "60-[]", "611-[]", "61-{}", '61["x"]',
  ];
  const sequences = [
    [binary(1)],
    [`51-["message",${P}]`, "2[\"message\"]"],
    [`51-["message",${P}]`, "0"],
    [`52-["message",${P}]`, binary(1), `51-["message",${P}]`],
    [`51-["message",${P}]`, binary(1), binary(2)],
    ['2["message"]', binary(1)],
    ["51-[\"message\",{\"_placeholder\":true,\"num\":1}]", binary(1)],
    ["51-[\"message\",{\"_placeholder\":true,\"num\":-1}]", binary(1)],
    ["51-[\"message\",{\"_placeholder\":true,\"num\":\"0\"}]", binary(1)],
    ["51-[\"message\",{\"_placeholder\":true,\"num\":null}]", binary(1)],
    ["51-[\"message\",{\"_placeholder\":true}]", binary(1)],
    ["51-[\"message\",{\"_placeholder\":true,\"num\":\"splice\"}]", binary(1)],
    ["51-[\"message\",[{\"a\":{\"_placeholder\":true,\"num\":9}}]]", binary(1)],
    ["61-0[{\"_placeholder\":true,\"num\":1}]", binary(1)],
  ];
  const strict = [
    ["an empty text has no type", ""],
    ["white space is no type", " 2"],
    ["a space is no number of attachments", '5 1-["message"]', binary(1)],
    ["an exponent is no number of attachments", '51e0-["message"]', binary(1)],
    ["a fraction is no number of attachments", '51.0-["message"]', binary(1)],
    ["hexadecimal digits are no number of attachments", '50x1-["message"]', binary(1)],
    ["a sign is no number of attachments", '5+1-["message"]', binary(1)],
    ["half an attachment is none", '51-["message",{"_placeholder":true,"num":0.5}]', binary(1)],
    ["the number of an acknowledgement has an end", `2${"9".repeat(400)}["message"]`],
  ];
  return [
    ...fine.map((text) => decodeSequence([text])),
    ...attached.map(decodeSequence),
    ...wrong.map((text) => decodeSequence([text])),
    ...sequences.map(decodeSequence),
    ...strict.map(([reason, ...sequence]) => ({ ...decodeSequence(sequence), strict: reason })),
  ];
}

function decodeSequence(sequence) {
  const decoder = new socketio.Decoder();
  const packets = [];
  let error;
  decoder.on("decoded", (packet) => packets.push(packet));
  for (const message of sequence) {
    try {
      decoder.add(message);
    } catch (thrown) {
      error = thrown.message;
      break;
    }
  }
  return {
    messages: sequence.map(portable),
    packets: packets.map((packet) => withBase64(described(packet))),
    error,
  };
}

function withBase64(value) {
  if (Buffer.isBuffer(value)) return portable(value);
  if (Array.isArray(value)) return value.map(withBase64);
  if (value !== null && typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, withBase64(inner)]));
  }
  return value;
}
