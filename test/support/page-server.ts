// Serves the repository's sources to a browser, types stripped: what a bundler or a build would make of them.

import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { stripTypeScriptTypes } from 'node:module'
import type { AddressInfo } from 'node:net'
import { extname, join } from 'node:path'
import type { Teardown } from './temporary-directory.ts'

const root = join(import.meta.dirname, '../..')

const importMap = {
  imports: {
    '@msgpack/msgpack': '/node_modules/@msgpack/msgpack/dist.esm/index.mjs',
    '@noble/hashes/': '/node_modules/@noble/hashes/',
  },
}

const page = `<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><title>loading</title>
<script type="importmap">${JSON.stringify(importMap)}</script>
<script type="module">import '/test/support/page-program.ts'; document.title = 'ready'</script>`

/** The origin of a server whose `/` is a page that runs page-program.ts; it ends with the test. */
export async function servePage(t: Teardown): Promise<string> {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://page')
    if (pathname === '/') return response.setHeader('content-type', 'text/html').end(page)
    try {
      const text = readFileSync(join(root, pathname), 'utf8')
      response.setHeader('content-type', 'text/javascript').end(extname(pathname) === '.ts' ? stripTypeScriptTypes(text) : text)
    } catch {
      response.writeHead(404).end()
    }
  }).listen(0, '127.0.0.1')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}
