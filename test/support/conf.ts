// Configurations in nats-server's format, as plain data.

import type { ConfMap, ConfNode } from '../../cli/nats-server/conf/node.ts'
import { parseConf } from '../../cli/nats-server/conf/parser.ts'
import { confError } from '../../cli/nats-server/conf/source.ts'

/** What the text says, without places; included files and variables are those given. */
export function confValues(text: string, { files = {}, environment = {} }: { files?: Record<string, string>; environment?: Record<string, string> } = {}): unknown {
  return plainMap(parseText(text, 'test.conf', files, environment))
}

export function parseText(text: string, file = 'test.conf', files: Record<string, string> = {}, environment: Record<string, string> = {}): ConfMap {
  return parseConf(text, file, {
    variable: name => environment[name],
    include(path, at) {
      const included = files[path]
      if (included === undefined) throw confError(at, `no ${path}`)
      return parseText(included, path, files, environment)
    },
  })
}

function plainMap(entries: ConfMap): unknown {
  return Object.fromEntries([...entries].map(([key, node]) => [key, plain(node)]))
}

function plain(node: ConfNode): unknown {
  if (node.kind === 'map') return plainMap(node.value)
  return node.kind === 'array' ? node.value.map(plain) : node.value
}
