import { GrantedHosts } from './granted-hosts';

it.each([
  ['api.telegram.org', 'api.telegram.org', 443, true],
  ['api.telegram.org', 'API.Telegram.org.', 443, true],
  ['api.telegram.org', 'api.telegram.org', 80, false],
  ['api.telegram.org', 'xapi.telegram.org', 443, false],
  ['api.telegram.org', 'api.telegram.org.evil.example', 443, false],
  ['*.example.org', 'a.example.org', 443, true],
  ['*.example.org', 'a.b.example.org', 443, true],
  ['*.example.org', 'example.org', 443, false],
  ['*.example.org', 'badexample.org', 443, false],
  ['localhost:8080', 'localhost', 8080, true],
  ['localhost:8080', '127.0.0.1', 8080, false],
  ['127.0.0.1:9000', '127.0.0.1', 9000, true],
  ['127.0.0.1:9000', '127.0.0.2', 9000, false],
  ['127.0.0.1:9000', '0x7f000001', 9000, false],
])('with %s granted, %s:%d is allowed: %s', (granted, host, port, allowed) => {
  expect(new GrantedHosts([granted]).allows(host, port)).toBe(allowed);
});

it.each([
  ['127.0.0.1'], ['127.9.9.9'], ['10.0.0.1'], ['172.16.0.1'], ['172.31.255.255'], ['192.168.1.1'], ['169.254.169.254'], ['100.64.0.1'], ['0.0.0.0'], ['224.0.0.1'], ['255.255.255.255'],
  ['::1'], ['::'], ['fe80::1'], ['fc00::1'], ['fd12::1'], ['ff02::1'], ['::ffff:127.0.0.1'], ['::ffff:7f00:1'], ['64:ff9b::7f00:1'], ['2002:7f00:1::'], ['not an address'],
])('a name that leads to %s is not followed', (address) => {
  expect(new GrantedHosts(['api.example.org']).refusalOf('api.example.org', address)).toMatch(/^api\.example\.org leads to .*PLUGIN_EGRESS_ALLOW_RANGES=/);
});

it('a name that leads to the open network is followed, a number leads where it says, and localhost to this machine', () => {
  const hosts = new GrantedHosts([]);
  expect(hosts.refusalOf('api.example.org', '149.154.167.220')).toBeUndefined();
  expect(hosts.refusalOf('api.example.org', '2a00:1450:4001::7')).toBeUndefined();
  expect(hosts.refusalOf('api.example.org', '::ffff:149.154.167.220')).toBeUndefined();
  expect(hosts.refusalOf('10.1.2.3', '10.1.2.3')).toBeUndefined();
  expect(hosts.refusalOf('localhost', '::1')).toBeUndefined();
  expect(hosts.refusalOf('localhost', '127.0.0.1')).toBeUndefined();
  expect(hosts.refusalOf('localhost', '10.0.0.1')).toContain('10.0.0.0/8');
});
