/** Says in plain words what is being done, and how long it took. */
export const step = async (what, work) => {
  const startedAt = Date.now();
  console.log(`${what} …`);
  const result = await work();
  console.log(`  done in ${((Date.now() - startedAt) / 1000).toFixed(1)} s`);
  return result;
};
