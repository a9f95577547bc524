// Node's HTTP server without what else stands in its module.
//
// `import 'node:http'` reads every export to make its namespace, and one of them is a getter behind which Node loads its
// whole HTTP client: 20 of 265 ms of processor time at a start. `require` reads what is asked for.

import type * as Http from 'node:http'
import { createRequire } from 'node:module'

const http = createRequire(import.meta.url)('node:http') as typeof Http

export const { createServer: createHttpServer, STATUS_CODES } = http
