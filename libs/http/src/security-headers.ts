import helmet from '@fastify/helmet';
import { fastify } from 'fastify';

/**
 * The headers that helmet sets. It works them out anew for every request; ours are always the same, so it is asked once.
 *
 * Every header is paid for by every answer, so those are left out that do nothing here: for HTTPS only (the doors speak plain HTTP; a
 * proxy that adds TLS adds them too), and for browsers and plug-ins long gone. With the stricter referrer policy, browsers would
 * hide from us which origin a form comes from.
 */
export const securityHeaders = async (): Promise<Record<string, string>> => {
  const scratch = fastify();
  await scratch.register(helmet, {
    // Pages fetch nothing from elsewhere: they work without the internet, and nobody there learns of them.
    contentSecurityPolicy: { directives: { upgradeInsecureRequests: null, styleSrc: ["'self'", "'unsafe-inline'"], fontSrc: ["'self'", 'data:'] } },
    referrerPolicy: { policy: 'same-origin' },
    strictTransportSecurity: false,
    originAgentCluster: false,
    xDnsPrefetchControl: false,
    xDownloadOptions: false,
    xPermittedCrossDomainPolicies: false,
    xXssProtection: false,
  });
  scratch.get('/', () => '');
  const { headers } = await scratch.inject('/');
  await scratch.close();
  const ofTheAnswer = new Set(['content-type', 'content-length', 'date', 'connection']);
  return Object.fromEntries(Object.entries(headers).flatMap(([name, value]) => (typeof value === 'string' && !ofTheAnswer.has(name) ? [[name, value]] : [])));
};
