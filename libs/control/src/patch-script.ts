/**
 * Lua that changes one entry of a hash, in one step and with its version one up: what the patch names is put in its place, what it
 * names with `null` is taken away.
 * KEYS[1] the hash, ARGV[1] the entry's name, ARGV[2] the patch as JSON → the entry's new JSON
 * @param nameField where the entry holds its own name
 */
export const patchScript = (nameField: string): string => `
  local old = redis.call('HGET', KEYS[1], ARGV[1])
  local entry = old and cjson.decode(old) or { ${nameField} = ARGV[1], version = 0 }
  for key, value in pairs(cjson.decode(ARGV[2])) do
    if value == cjson.null then entry[key] = nil else entry[key] = value end
  end
  entry.version = entry.version + 1
  local json = cjson.encode(entry)
  redis.call('HSET', KEYS[1], ARGV[1], json)
  return json`;
