// The monitoring endpoints as the settings have them: on the gateway's port, and on one of their own.

import type { Monitor } from '../broker/monitor.ts'
import type { Settings } from '../broker/ground/settings.ts'
import type { Listener, Log } from '../broker/ground/types.ts'
import { MonitorRoutes } from '../http/monitor-routes.ts'
import { MonitorServer } from '../http/monitor-server.ts'
import { checkReader, type ReaderRules } from '../http/reader-check.ts'
import { json, type Route, type Routes } from '../http/route.ts'
import type { ListeningSockets } from '../transports/listening-sockets.ts'

export interface MonitoringOptions {
  readonly settings: Settings
  readonly log: Log
  readonly sockets: ListeningSockets
  readonly monitor: Monitor
  /** True while clients are served. */
  readonly health: () => boolean
  /** True for the token of a principal that administers the broker. */
  readonly isAdminToken: (principal: string, token: string) => boolean
}

export class Monitoring {
  readonly #options: MonitoringOptions
  readonly #routes: MonitorRoutes

  constructor(options: MonitoringOptions) {
    this.#options = options
    this.#routes = new MonitorRoutes(options.monitor)
  }

  /** On the gateway's port: for programs of this host, and whoever has the token of an administrator. */
  gatewayRoutes(): Routes {
    const rules = this.#rules(this.#options.settings.telemetry.prometheusAccess)
    return { '/healthz': this.#healthz(), ...this.#routes.routes({ check: (request) => checkReader(request, rules), maySeePrincipals: () => true }) }
  }

  /**
   * Opens the port of its own. Who reaches it may read; principals are named to those alone to whom the gateway would name them.
   * @throws BrokerError `listener.failed`
   */
  open({ host, port }: { readonly host: string; readonly port: number }): Promise<Listener> {
    const { settings, log, sockets } = this.#options
    const { allowedHosts, allowedOrigins } = settings.gateway
    const rules = this.#rules('loopback')
    const maySeePrincipals = (request: Parameters<Route>[0]): boolean => {
      try {
        checkReader(request, rules)
        return true
      } catch {
        return false
      }
    }
    const routes = { ...this.#routes.routes({ check() {}, maySeePrincipals }), '/healthz': this.#healthz() }
    return MonitorServer.open({ host, port, allowedHosts, allowedOrigins, routes, onIndex: () => this.#routes.count('/'), requestMs: settings.ipc.limits.handshakeMs, log, sockets })
  }

  #rules(access: ReaderRules['access']): ReaderRules {
    return { access, isToken: this.#options.isAdminToken }
  }

  // Asked for all the time, and by whoever balances load: for everybody, and told as short as it is.
  #healthz(): Route {
    return () => {
      this.#routes.count('/healthz')
      return this.#options.health() ? json(200, { status: 'ok' }) : json(503, { status: 'unavailable' })
    }
  }
}
