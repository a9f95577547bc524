// `/metrics` for Prometheus. Knows no metric.

import { checkReader, type ReaderRules } from './reader-check.ts'
import type { Route } from './route.ts'

export interface MetricsRouteOptions extends ReaderRules {
  /** The text; made for each request. */
  readonly scrape: () => Promise<string>
}

/** Version 0.0.4 of Prometheus' exposition format. */
const TYPE = 'text/plain; version=0.0.4; charset=utf-8'

/** Bearer is the owner's token, Basic the name and token of any principal. */
export function metricsRoute({ scrape, ...rules }: MetricsRouteOptions): Route {
  return async request => {
    checkReader(request, rules)
    return { status: 200, type: TYPE, body: await scrape() }
  }
}
