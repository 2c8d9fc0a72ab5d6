import { compare, prerelease, Range } from 'semver';

/** How versions are written, ordered and asked for. */
export interface VersionScheme {
  /** Below 0 when `a` is older than `b`. */
  compare(a: string, b: string): number;
  isPrerelease(version: string): boolean;
  /**
   * Reads a range once, to ask it about many versions.
   * @param prereleases whether versions before a release meet ranges that do not name one
   */
  matcher(range: string, prereleases: boolean): (version: string) => boolean;
  /** The range itself names a version before a release. */
  namesPrerelease(range: string): boolean;
}

/** Semantic versions and npm's ranges. */
export const semanticVersions: VersionScheme = {
  compare,
  isPrerelease: (version) => prerelease(version) !== null,
  matcher: (range, includePrerelease) => {
    const read = new Range(range, { includePrerelease });
    return (version) => read.test(version);
  },
  namesPrerelease: (range) => new Range(range).set.some((comparators) => comparators.some(({ semver }) => (semver.prerelease ?? []).length > 0)),
};
