// Arguments and attachments: binary values travel beside the JSON, which has placeholders in their stead.
"use strict";

function isBinary(value) {
  return ArrayBuffer.isView(value) || value instanceof ArrayBuffer || value instanceof SharedArrayBuffer;
}

function toBytes(value) {
  if (value instanceof Uint8Array) return value;
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  return new Uint8Array(value);
}

// What JSON.stringify would look at.
function asJson(value) {
  return typeof value.toJSON === "function" ? value.toJSON() : value;
}

function hasBinary(value) {
  if (value === null || typeof value !== "object") return false;
  if (isBinary(value)) return true;
  if (Array.isArray(value)) {
    for (const item of value) if (hasBinary(item)) return true;
    return false;
  }
  if (typeof value.toJSON === "function") return hasBinary(value.toJSON());
  for (const key in value) {
    if (Object.hasOwn(value, key) && hasBinary(value[key])) return true;
  }
  return false;
}

function extract(value, attachments) {
  if (value === null || typeof value !== "object") return value;
  if (isBinary(value)) {
    attachments.push(toBytes(value));
    return { _placeholder: true, num: attachments.length - 1 };
  }
  if (Array.isArray(value)) return value.map((item) => extract(item, attachments));
  const plain = asJson(value);
  if (plain !== value) return extract(plain, attachments);
  const copy = {};
  for (const key of Object.keys(value)) copy[key] = extract(value[key], attachments);
  return copy;
}

// Takes the binary values out of an array of arguments: the array to stringify, and the attachments if there are any.
function separate(args) {
  if (!hasBinary(args)) return { args, attachments: undefined };
  const attachments = [];
  return { args: extract(args, attachments), attachments };
}

// Puts attachments back where their placeholders are. The engine has checked that they fit.
function restore(value, attachments) {
  if (value === null || typeof value !== "object") return value;
  if (value._placeholder === true) return attachments[value.num];
  for (const key of Object.keys(value)) value[key] = restore(value[key], attachments);
  return value;
}

module.exports = { separate, restore };
