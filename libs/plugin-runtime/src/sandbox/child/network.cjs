'use strict';
/*
 * Takes connections of `net`, `tls`, `http` and `fetch` to the Conductor's egress proxy, so that a plugin needs no code for it.
 * This is a convenience and a clear error, not the wall: around the process there is no network but that proxy.
 */
const dgram = require('node:dgram');
const dns = require('node:dns');
const net = require('node:net');
const tls = require('node:tls');

/**
 * @param start `egress`: path of the proxy's socket, absent when nothing was granted; `hosts`: what was granted
 * @param report told of each attempt that cannot succeed, with its address
 */
const routeNetwork = ({ egress, hosts }, report) => {
  const { _normalizeArgs: normalizeArgs } = net;
  const connect = net.Socket.prototype.connect;
  net.Socket.prototype.connect = function (...args) {
    // `net.connect` hands on what it has normalized already.
    const [options, listener] = Array.isArray(args[0]) ? args[0] : normalizeArgs(args);
    const address = addressOf(options, report);
    // The proxy would refuse it by hanging up; here it can be said why.
    if (egress === undefined || options.path != null || !isGranted(hosts, address)) {
      report(address);
      // As long as nobody has heard of the end, it looks like any connection under way.
      this.connecting = true;
      process.nextTick(() => this.destroy(denied(address, hosts)));
      return this;
    }
    if (listener) this.once('connect', listener);
    connect.call(this, { path: egress });
    // The first thing that is written, whoever writes while the connection is under way.
    this.write(`${JSON.stringify({ host: bare(options.host ?? 'localhost'), port: Number(options.port) })}\n`);
    return this;
  };

  const connectTls = tls.connect;
  tls.connect = (...args) => {
    const [options, listener] = normalizeArgs(args);
    if (options.socket || options.path != null) return connectTls({ ...options }, listener ?? undefined);
    const host = bare(options.host ?? 'localhost');
    const socket = net.connect({ host, port: options.port });
    const secure = connectTls({ ...(net.isIP(host) === 0 && { servername: host }), ...options, socket }, listener ?? undefined);
    socket.on('error', (error) => secure.destroy(error));
    return secure;
  };

  const refuse = (what) =>
    function () {
      report(what);
      throw denied(what, hosts);
    };
  // A plugin has no door of its own: webhooks reach it through the Conductor's.
  net.Server.prototype.listen = net.Server.prototype._listen2 = net._createServerHandle = refuse('listen');
  dgram.createSocket = dgram._createSocketHandle = refuse('udp');
  dgram.Socket.prototype.bind = refuse('udp');
  // Names are looked up by the egress proxy.
  for (const place of [dns, dns.promises, dns.Resolver.prototype, dns.promises.Resolver.prototype]) {
    for (const name of Object.keys(Object.getOwnPropertyDescriptors(place))) {
      if (/^(lookup|lookupService|resolve\w*|reverse)$/.test(name)) place[name] = refuse(`dns ${name}`);
    }
  }
};

/** A plugin that has changed what texts can do breaks this, and is heard of all the same. */
const addressOf = (options, report) => {
  try {
    return options.path == null ? `${bare(options.host ?? 'localhost')}:${options.port}` : `unix:${options.path}`;
  } catch (error) {
    report('an address that cannot be told');
    throw error;
  }
};

const isGranted = (hosts, address) =>
  hosts.some((granted) => {
    const full = granted.includes(':') ? granted : `${granted}:443`;
    return full.startsWith('*.') ? address.endsWith(full.slice(1)) : address.toLowerCase() === full;
  });

const bare = (host) => host.replace(/^\[(.*)\]$/, '$1');

const denied = (address, hosts = []) =>
  Object.assign(new Error(`${address} is not granted to this plugin${hosts.length > 0 ? ` (granted: ${hosts.join(', ')})` : ': its manifest must name it under permissions.net, and a person must grant it'}`), { code: 'ERR_ACCESS_DENIED' });

module.exports = { routeNetwork };
