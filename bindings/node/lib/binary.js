// Arguments and attachments: binary values travel beside the JSON, which has placeholders in their stead.
"use strict";

const { isSharedArrayBuffer } = require("node:util").types;

function isBinary(value) {
  return ArrayBuffer.isView(value) || value instanceof ArrayBuffer || value instanceof SharedArrayBuffer;
}

// The bytes of a binary value. Memory that other threads can change is copied here, by JavaScript's rules for such memory;
// the native half reads only what this thread alone can change.
function toBytes(value) {
  const isView = ArrayBuffer.isView(value);
  const memory = isView ? value.buffer : value;
  const shared = isSharedArrayBuffer(memory);
  if (!shared && value instanceof Uint8Array) return value;
  const bytes = isView ? new Uint8Array(memory, value.byteOffset, value.byteLength) : new Uint8Array(memory);
  return shared ? new Uint8Array(bytes) : bytes;
}

function isOwn(value, key) {
  return Object.prototype.hasOwnProperty.call(value, key);
}

// Whether a value contains binary values, in what JSON.stringify would write: the result of toJSON() is not asked for its
// own toJSON() again, and what is inherited does not count.
function hasBinary(value) {
  if (value === null || typeof value !== "object") return false;
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) if (typeof value[i] === "object" && hasBinary(value[i])) return true;
    return false;
  }
  if (isBinary(value)) return true;
  if (typeof value.toJSON === "function") return resultHasBinary(value.toJSON());
  return memberHasBinary(value);
}

// Of what toJSON() has returned.
function resultHasBinary(value) {
  if (value === null || typeof value !== "object") return false;
  return Array.isArray(value) || isBinary(value) ? hasBinary(value) : memberHasBinary(value);
}

function memberHasBinary(value) {
  for (const key in value) {
    if (!isOwn(value, key)) continue;
    const member = value[key];
    if (typeof member === "object" && hasBinary(member)) return true;
  }
  return false;
}

function extract(value, attachments) {
  if (value === null || typeof value !== "object") return value;
  if (!Array.isArray(value) && !isBinary(value) && typeof value.toJSON === "function") {
    value = value.toJSON();
    if (value === null || typeof value !== "object") return value;
  }
  if (isBinary(value)) {
    attachments.push(toBytes(value));
    return { _placeholder: true, num: attachments.length - 1 };
  }
  if (Array.isArray(value)) return value.map((item) => extract(item, attachments));
  // A member may be called __proto__.
  const copy = Object.create(null);
  for (const key of Object.keys(value)) {
    // A toJSON() among the members has been called already, or is not called because its object came from one.
    if (key === "toJSON" && typeof value[key] === "function") continue;
    copy[key] = extract(value[key], attachments);
  }
  return copy;
}

// Takes the binary values out of an array of arguments: the array to stringify, and the attachments. Undefined when there
// are none, which is the usual case and costs no memory.
function separate(args) {
  if (!hasBinary(args)) return undefined;
  const attachments = [];
  return { args: extract(args, attachments), attachments };
}

// The JSON of arguments without the brackets of their array, which the native half adds.
function stringify(args) {
  if (args.length === 1) return JSON.stringify(args[0]) ?? "null";
  return JSON.stringify(args).slice(1, -1);
}

// Puts attachments back where their placeholders are. Those of a client have been checked; in what this program sends, an
// object without an attachment is data.
function restore(value, attachments) {
  if (value === null || typeof value !== "object") return value;
  if (value._placeholder === true && Object.hasOwn(attachments, value.num)) return attachments[value.num];
  for (const key of Object.keys(value)) value[key] = restore(value[key], attachments);
  return value;
}

module.exports = { isBinary, separate, stringify, restore, toBytes };
