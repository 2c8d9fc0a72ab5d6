/** Stretches the time limits that tests and hooks name themselves, as `npm test` measured this machine; jest's own limit is stretched in jest.config.js. */
const patience = Number(process.env.TEST_PATIENCE ?? 1);

/** A limit is the last argument, where it is a number. */
const stretched = (args) => args.map((argument, index) => (index > 0 && index === args.length - 1 && typeof argument === 'number' ? argument * patience : argument));

const patient = (original) =>
  new Proxy(original, {
    apply: (target, self, args) => Reflect.apply(target, self, stretched(args)),
    get: (target, property, receiver) => {
      const value = Reflect.get(target, property, receiver);
      if (property === 'each' && typeof value === 'function') return (...table) => patient(value.apply(target, table));
      return typeof value === 'function' && ['only', 'skip', 'concurrent'].includes(property) ? patient(value) : value;
    },
  });

if (patience > 1) for (const name of ['it', 'test', 'beforeAll', 'beforeEach', 'afterAll', 'afterEach']) globalThis[name] = patient(globalThis[name]);
