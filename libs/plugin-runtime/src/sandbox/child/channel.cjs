'use strict';
/*
 * The child's end of the protocol: frames of JSON, each behind its length in four bytes, over the pipe at descriptor 3.
 * Everything used after plugin code runs is taken hold of here, before it runs: a plugin that redefines `JSON` or pollutes
 * `Object.prototype` breaks itself, and the far end sees that it is broken.
 */
const { Socket } = require('node:net');

const uncurried = (method) => Function.prototype.call.bind(method);
const { parse, stringify } = JSON;
const { concat, alloc, from, byteLength } = Buffer;
const emptyBuffer = alloc(0);
const writeUInt32 = uncurried(Buffer.prototype.writeUInt32BE);
const readUInt32 = uncurried(Buffer.prototype.readUInt32BE);
const subarray = uncurried(Buffer.prototype.subarray);
const textOf = uncurried(Buffer.prototype.toString);
const writeSocket = uncurried(Socket.prototype.write);
const exit = process.reallyExit.bind(process);

const LENGTH_BYTES = 4;
const CHANNEL = 3;

/**
 * @param receive gets each frame of the parent, parsed
 * @returns sends the text of one JSON object; when the parent is gone, the process ends
 */
const openChannel = (receive) => {
  const socket = new Socket({ fd: CHANNEL, readable: true, writable: true });
  let rest = emptyBuffer;
  socket.on('data', (chunk) => {
    rest = rest.length === 0 ? chunk : concat([rest, chunk]);
    while (rest.length >= LENGTH_BYTES) {
      const length = readUInt32(rest, 0);
      if (rest.length < LENGTH_BYTES + length) break;
      const text = textOf(rest, 'utf8', LENGTH_BYTES, LENGTH_BYTES + length);
      rest = subarray(rest, LENGTH_BYTES + length);
      receive(parse(text));
    }
  });
  socket.on('error', () => exit(0));
  socket.on('close', () => exit(0));
  return (text) => {
    const bytes = byteLength(text, 'utf8');
    const head = alloc(LENGTH_BYTES);
    writeUInt32(head, bytes, 0);
    writeSocket(socket, concat([head, from(text, 'utf8')]));
  };
};

module.exports = { openChannel, parse, stringify, byteLength, uncurried };
