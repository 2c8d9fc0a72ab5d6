const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const FRAME_MS = 100;
/** Where lines cannot be written over, one now and then is enough. */
const LINE_MS = 5_000;

/**
 * Says in plain words what is being done, while it lasts that it is still being done, and how long it took.
 * @param progress how far it is, in a word or two, asked now and then
 */
export const step = async (what, work, progress = () => '') => {
  const startedAt = Date.now();
  const seconds = (digits = 0) => ((Date.now() - startedAt) / 1_000).toFixed(digits);
  const how = () => [`${seconds()} s`, progress()].filter(Boolean).join(', ');
  console.log(`${what} …`);
  const signs = process.stdout.isTTY && process.env.TERM !== 'dumb' ? spin(how) : tell(how);
  try {
    const result = await work();
    signs.stop();
    console.log(`  done in ${seconds(1)} s`);
    return result;
  } finally {
    signs.stop();
  }
};

/** One line that is written over again and again. */
const spin = (how) => {
  let frame = 0;
  let shown = '';
  const timer = setInterval(() => {
    // What is asked for costs more than a frame.
    if (frame % 10 === 0) shown = how();
    process.stdout.write(`\r\x1b[K  ${FRAMES[frame++ % FRAMES.length]} ${shown}`);
  }, FRAME_MS);
  return stopping(timer, () => process.stdout.write('\r\x1b[K'));
};

const tell = (how) => stopping(setInterval(() => console.log(`  still at it: ${how()}`), LINE_MS), () => {});

const stopping = (timer, clear) => {
  let stopped = false;
  return {
    stop: () => {
      if (stopped) return;
      stopped = true;
      clearInterval(timer);
      clear();
    },
  };
};
