// The system's Chromium, for tests that need a real browser.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { chromium, type BrowserContext, type Page } from 'playwright-core'
import type { PageProgram } from './page-program.ts'
import { temporaryDirectory, type Teardown } from './temporary-directory.ts'

const EXECUTABLE = '/usr/bin/chromium'
/** Time for each step of the browser: the library's 30 s are short for a machine that runs many tests. */
const PATIENCE_MS = 100_000
const ARGUMENTS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync']

/** Why there is no browser here, for tests to skip by; undefined: there is one. Where CI=true there must be. */
export const noBrowser: string | undefined = existsSync(EXECUTABLE) || process.env['CI'] === 'true' ? undefined : `${EXECUTABLE} is missing; install Debian's package chromium`

/** A browser with a profile of its own; it ends with the test. */
export async function openBrowser(t: Teardown): Promise<BrowserContext> {
  const context = await chromium.launchPersistentContext(join(temporaryDirectory(t), 'profile'), { executablePath: EXECUTABLE, headless: true, args: ARGUMENTS, timeout: PATIENCE_MS })
  context.setDefaultTimeout(PATIENCE_MS)
  t.teardown(() => context.close())
  return context
}

/** A page of `origin` (see page-server.ts) whose program is ready. */
export async function openPage(browser: BrowserContext, origin: string): Promise<Page> {
  const page = await browser.newPage()
  const failed = new Promise<never>((_, reject) => {
    page.on('pageerror', reject)
    page.on('crash', () => reject(new Error('the page crashed')))
  })
  failed.catch(() => {})
  await page.goto(origin)
  await Promise.race([page.waitForFunction(() => document.title === 'ready'), failed])
  return page
}

/** Calls one function of the page's program. */
export function run<Name extends keyof PageProgram>(page: Page, name: Name, ...args: Parameters<PageProgram[Name]>): Promise<Awaited<ReturnType<PageProgram[Name]>>> {
  const call = ([each, given]: readonly [string, readonly unknown[]]): unknown => {
    const { program } = globalThis as unknown as { program: Record<string, (...values: readonly unknown[]) => unknown> }
    return program[each]!(...given)
  }
  return page.evaluate(call, [name, args] as const) as Promise<Awaited<ReturnType<PageProgram[Name]>>>
}
