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

// Of an object.
function hasBinary(value) {
  if (value === null) return false;
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) if (typeof value[i] === "object" && hasBinary(value[i])) return true;
    return false;
  }
  if (isBinary(value)) return true;
  if (typeof value.toJSON === "function") {
    const plain = value.toJSON();
    return typeof plain === "object" && plain !== value && hasBinary(plain);
  }
  // What is inherited is looked at too, which is faster; extract() then finds that there is nothing.
  for (const key in value) {
    const member = value[key];
    if (typeof member === "object" && hasBinary(member)) return true;
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
  // A member may be called __proto__.
  const copy = Object.create(null);
  for (const key of Object.keys(value)) copy[key] = extract(value[key], attachments);
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

module.exports = { separate, stringify, restore };
