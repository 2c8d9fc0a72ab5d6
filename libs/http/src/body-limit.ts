/** Bytes that a body may hold. */
export const BODY_LIMIT = 1_048_576;
