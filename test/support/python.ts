// Stories that need Python's standard library. Callboard itself does not: on a machine with Node and npm alone they are
// left out and said to be; under CI, which installs Python, they must run.

import { spawnSync } from 'node:child_process'
import test, { type Implementation } from 'ava'

const isThere = process.env['CI'] === 'true' || spawnSync('python3', ['--version']).status === 0

/** Declares a test that runs where python3 is installed. */
export function pythonTest(title: string, story: Implementation<[]>): void {
  if (isThere) test(title, story)
  else test.skip(`${title} (left out: python3 is not installed)`, story)
}
