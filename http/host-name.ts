// Names and addresses as the headers of a request write them. Looks nothing up.

import { isIP } from 'node:net'

/** `name`, `name:port`, `1.2.3.4:port`, `[::1]:port`, taken apart; undefined when it is none of these. `name` is in lower case and has no brackets. */
export function parseHost(text: string): { readonly name: string; readonly port: string } | undefined {
  const match = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::(\d{1,5}))?$/i.exec(text)
  if (match === null) return undefined
  const [, address, name, port = ''] = match
  if (address !== undefined) return isIP(address) === 6 ? { name: address.toLowerCase(), port } : undefined
  return { name: name!.toLowerCase(), port }
}
