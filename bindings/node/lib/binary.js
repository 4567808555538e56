// Splits arguments into JSON and attachments. In the JSON, a placeholder stands for each binary value.
"use strict";

const { isSharedArrayBuffer } = require("node:util").types;

function isBinary(value) {
  return ArrayBuffer.isView(value) || value instanceof ArrayBuffer || value instanceof SharedArrayBuffer;
}

// The bytes of a binary value. Shared memory is copied here, because other threads may write to it and the memory model of
// JavaScript allows such races; the addon reads only memory that no other thread can change.
function toBytes(value) {
  const isView = ArrayBuffer.isView(value);
  const memory = isView ? value.buffer : value;
  const shared = isSharedArrayBuffer(memory);
  if (!shared && value instanceof Uint8Array) return value;
  const bytes = isView ? new Uint8Array(memory, value.byteOffset, value.byteLength) : new Uint8Array(memory);
  return shared ? new Uint8Array(bytes) : bytes;
}

function isOwn(value, key) {
  return  Object.hasOwn(value, key);
}

// Whether a value contains binary values in the parts that JSON.stringify serializes. Inherited members are skipped, and a
// toJSON() method of the result of toJSON() is not called, as in JSON.stringify.
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

// Whether the result of toJSON() contains binary values.
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
  // Without a prototype, because a member may be named __proto__.
  const copy = Object.create(null);
  for (const key of Object.keys(value)) {
    // The toJSON() of this object has been called already, or must not be called because the object is a result of toJSON().
    if (key === "toJSON" && typeof value[key] === "function") continue;
    copy[key] = extract(value[key], attachments);
  }
  return copy;
}

// Extracts the binary values from an array of arguments. Returns the array to stringify and the attachments, or undefined
// for arguments without attachments: the usual case, which allocates nothing.
function separate(args) {
  if (!hasBinary(args)) return undefined;
  const attachments = [];
  return { args: extract(args, attachments), attachments };
}

// The JSON of the arguments, without the brackets of the array: the addon adds them.
function stringify(args) {
  if (args.length === 1) return JSON.stringify(args[0]) ?? "null";
  return JSON.stringify(args).slice(1, -1);
}

// Replaces placeholders by their attachments. The engine has checked that each placeholder from a client has an attachment.
// An object that only looks like a placeholder, in arguments of this program, is left as it is.
function restore(value, attachments) {
  if (value === null || typeof value !== "object") return value;
  if (value._placeholder === true && Object.hasOwn(attachments, value.num)) return attachments[value.num];
  for (const key of Object.keys(value)) value[key] = restore(value[key], attachments);
  return value;
}

module.exports = { isBinary, separate, stringify, restore, toBytes };
