// Whether a request may be answered at all: by which name the gateway is asked for, and which page asks. Believes no
// header that a proxy may have set, and anybody else.

import type { IncomingHttpHeaders } from 'node:http'
import { isLoopback, plainAddress } from '../transports/tcp/address.ts'
import { parseHost } from './host-name.ts'
import { badRequest, forbidden } from './refusal.ts'

export interface OriginRules {
  /** Where it listens, as configured. */
  readonly host: string
  readonly allowedHosts: readonly string[]
  readonly allowedOrigins: readonly string[]
}

export class OriginCheck {
  readonly #hosts: ReadonlySet<string>
  readonly #origins: ReadonlySet<string>

  readonly #scheme: string

  /** `isSecure`: pages of its own come by TLS. */
  constructor({ host, allowedHosts, allowedOrigins }: OriginRules, isSecure = false) {
    this.#scheme = isSecure ? 'https' : 'http'
    this.#hosts = new Set([host, ...allowedHosts].map((name) => name.toLowerCase()))
    this.#origins = new Set(allowedOrigins.map((origin) => origin.toLowerCase()))
  }

  /**
   * @param localAddress on which the request came in
   * @throws HttpRefusal `gateway.bad_request`, `gateway.forbidden`
   */
  check(headers: IncomingHttpHeaders, localAddress: string): void {
    const host = this.#checkHost(headers.host, localAddress)
    if (headers.origin !== undefined) this.#checkOrigin(headers.origin, host)
  }

  // A page can make its own name point to this machine (DNS rebinding); the browser still sends that name.
  #checkHost(header: string | undefined, localAddress: string): string {
    if (header === undefined) throw badRequest('the request has no header Host')
    const host = parseHost(header)
    if (host === undefined) throw badRequest('the header Host is neither a name nor an address')
    const { name } = host
    if (!isLoopback(name) && name !== plainAddress(localAddress) && !this.#hosts.has(name)) {
      throw forbidden(`the gateway is not to be asked for as "${name.slice(0, 256)}"`, 'gateway.allowedHosts')
    }
    return header.toLowerCase()
  }

  // Browsers send it with every upgrade, other programs need not.
  #checkOrigin(origin: string, host: string): void {
    const asked = origin.toLowerCase()
    if (asked === `${this.#scheme}://${host}` || this.#origins.has(asked)) return
    throw forbidden(`pages of origin "${origin.slice(0, 256)}" may not connect`, 'gateway.allowedOrigins')
  }
}
