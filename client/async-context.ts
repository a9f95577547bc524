// Which span is the current one, across awaits: OpenTelemetry's context kept in Node's AsyncLocalStorage.

import { AsyncLocalStorage } from 'node:async_hooks'
import { ROOT_CONTEXT, type Context, type ContextManager } from '@opentelemetry/api'

export class AsyncContext implements ContextManager {
  readonly #current = new AsyncLocalStorage<Context>()

  active(): Context {
    return this.#current.getStore() ?? ROOT_CONTEXT
  }

  with<A extends unknown[], F extends (...args: A) => ReturnType<F>>(context: Context, run: F, self?: ThisParameterType<F>, ...args: A): ReturnType<F> {
    return this.#current.run(context, () => run.call(self, ...args))
  }

  bind<T>(context: Context, target: T): T {
    if (typeof target !== 'function') return target
    const call = target as unknown as (...args: unknown[]) => unknown
    const current = this.#current
    return function (this: unknown, ...args: unknown[]): unknown {
      return current.run(context, () => call.apply(this, args))
    } as T
  }

  enable(): this {
    return this
  }

  disable(): this {
    this.#current.disable()
    return this
  }
}
