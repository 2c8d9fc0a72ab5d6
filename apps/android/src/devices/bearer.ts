/** The token in an `Authorization` header. */
export const bearerOf = (header: string | undefined): string | undefined => /^Bearer +([\w.~+/-]+=*) *$/i.exec(header ?? '')?.[1];
