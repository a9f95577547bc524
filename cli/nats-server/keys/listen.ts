// Where to listen: a port, or `host:port`.

import type { ConfNode } from '../conf/node.ts'
import type { Listen } from '../options.ts'
import type { Notes } from './notes.ts'
import { port } from './values.ts'

const MAX_PORT = 65_535

/** Value of `listen` and `http`. */
export function listen(node: ConfNode, key: string, notes: Notes): Listen | undefined {
  if (node.kind === 'integer') {
    const number = port(node, key, notes)
    return number === undefined ? undefined : { port: number }
  }
  const [, inBrackets, plain, digits] = (node.kind === 'string' && /^(?:\[([^\]]*)\]|([^:]*)):(-1|\d{1,5})$/.exec(node.value)) || []
  if (digits === undefined || Number(digits) > MAX_PORT) {
    notes.problem(node.at, `${key} expects a port or host:port, such as 4222 or 127.0.0.1:-1`)
    return undefined
  }
  const host = inBrackets ?? plain
  return { ...(host !== '' && { host }), port: Number(digits) }
}
