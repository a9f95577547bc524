// The monitoring endpoints of nats-server: paths, parameters, who may read. What they tell is made elsewhere.

import type { IncomingMessage } from 'node:http'
import { BrokerError } from '../broker/ground/errors.ts'
import type { Monitoring } from '../broker/ground/monitoring.ts'
import { BadParameter, connectionQuery, flag, parametersOf, subscriptionQuery } from './monitor-query.ts'
import type { Answer, Route } from './route.ts'

/** Who may read on one port. */
export interface ReadingRules {
  /** Throws when the request may not be answered. */
  readonly check: (request: IncomingMessage) => void
  /** True when the request may be told names of principals. */
  readonly maySeePrincipals: (request: IncomingMessage) => boolean
}

/** The routes, on however many ports they are served: requests are counted over all of them. */
export class MonitorRoutes {
  readonly #monitoring: Monitoring
  /** By path; made in advance, so that nobody makes it grow. */
  readonly #counts = new Map<string, number>()

  constructor(monitoring: Monitoring) {
    this.#monitoring = monitoring
  }

  /** Counts a request that is answered elsewhere. */
  count(path: string): void {
    this.#counts.set(path, (this.#counts.get(path) ?? 0) + 1)
  }

  routes({ check, maySeePrincipals }: ReadingRules): Record<string, Route> {
    const monitoring = this.#monitoring
    const answers: Readonly<Record<string, (parameters: URLSearchParams, request: IncomingMessage) => object>> = {
      '/varz': () => monitoring.varz(Object.fromEntries([...this.#counts].toSorted(([a], [b]) => (a < b ? -1 : 1)))),
      '/connz': (parameters, request) => {
        const query = connectionQuery(parameters)
        const isAllowed = query.withPrincipals && maySeePrincipals(request)
        return monitoring.connz({ ...query, withPrincipals: isAllowed, principal: isAllowed ? query.principal : undefined })
      },
      '/subsz': (parameters) => {
        const query = subscriptionQuery(parameters)
        try {
          return monitoring.subsz(query)
        } catch (error) {
          if (BrokerError.from(error).code !== 'subject.invalid') throw error
          throw new BadParameter(`invalid test subject, must be valid publish subject: ${query.subject?.slice(0, 256)}`)
        }
      },
      '/accountz': (parameters) => {
        const account = parameters.get('acc') || undefined
        const answer = monitoring.accountz(account)
        if (answer === undefined) throw new BadParameter(`Account ${account?.slice(0, 256)} does not exist`)
        return answer
      },
      '/accstatz': (parameters) => monitoring.accstatz(flag(parameters, 'unused')),
      '/routez': () => monitoring.routez(),
      '/gatewayz': () => monitoring.gatewayz(),
      '/leafz': () => monitoring.leafz(),
      '/jsz': () => monitoring.jsz(),
    }
    const route = (path: string): Route => {
      const answer = answers[path]!
      return (request) => {
        check(request)
        this.count(path)
        try {
          return indented(answer(parametersOf(request.url), request))
        } catch (error) {
          if (error instanceof BadParameter) return { status: 400, type: 'text/plain; charset=utf-8', body: error.message }
          throw error
        }
      }
    }
    const routes = Object.fromEntries(Object.keys(answers).map((path) => [path, route(path)]))
    return { ...routes, '/subscriptionsz': routes['/subsz']! }
  }
}

function indented(value: object): Answer {
  return { status: 200, type: 'application/json', body: JSON.stringify(value, undefined, 2) }
}
