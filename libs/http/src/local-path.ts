/** A path of this app to go on to, '/' for anything that leads elsewhere. */
export const localPath = (next: string | undefined): string => {
  const here = 'http://here.invalid';
  if (!next?.startsWith('/') || !URL.canParse(next, here)) return '/';
  const url = new URL(next, here);
  return url.origin === here ? url.pathname + url.search : '/';
};
