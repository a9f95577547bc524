// One GET as a monitoring program makes it.

import { request } from 'node:http'
import { text } from 'node:stream/consumers'

export interface HttpAnswer {
  readonly status: number
  readonly type: string | undefined
  readonly body: string
  /** The body read as JSON. */
  json(): unknown
}

export function httpGet(url: string, headers: Readonly<Record<string, string>> = {}, method = 'GET'): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    request(url, { headers, method }, response => {
      void text(response).then(body => resolve({ status: response.statusCode!, type: response.headers['content-type'], body, json: () => JSON.parse(body) as unknown }))
    })
      .on('error', reject)
      .end()
  })
}
