import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'

const root = join(import.meta.dirname, '../..')
const configs = ['ava.config.mjs', ...globSync('test/*.config.mjs', { cwd: root })]

/** The files of a run, with its exclusions taken away as AVA does it. */
async function filesOf(config: string): Promise<string[]> {
  const { default: run } = (await import(join(root, config))) as { default: { files: string[] } }
  const excluded = run.files.filter(pattern => pattern.startsWith('!')).map(pattern => pattern.slice(1))
  return globSync(run.files.filter(pattern => !pattern.startsWith('!')), { cwd: root, exclude: excluded })
}

test('runs: every test file is in exactly one of them', async t => {
  const runs = new Map<string, string[]>(globSync('test/**/*.test.ts', { cwd: root }).map(file => [file, []]))
  for (const config of configs) for (const file of await filesOf(config)) runs.get(file)!.push(config)
  t.deepEqual([...runs].filter(([, of]) => of.length !== 1), [])
  t.true(runs.size > 400)
})

test('runs: every one has a script, and what a change must pass calls it', t => {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: Record<string, string> }
  const ci = readFileSync(join(root, '.ci/run'), 'utf8')
  for (const config of configs) {
    const name = config === 'ava.config.mjs' ? 'test' : `test:${/\/(\w+)\.config/.exec(config)![1]}`
    t.regex(scripts[name] ?? '', config === 'ava.config.mjs' ? /\bava$/ : new RegExp(String.raw`\bava --config ${config}$`), name)
    t.regex(ci, new RegExp(String.raw`npm (?:run --silent )?${name}$`, 'm'))
  }
})

test('runs: of the scenarios npm test keeps the quick ones', async t => {
  const { storyFiles } = (await import(join(root, 'test/stories.config.mjs'))) as { storyFiles: string[] }
  t.true(storyFiles.includes(join('test', 'scenario', 'crowd.test.ts')))
  t.false(storyFiles.includes(join('test', 'scenario', 'start-stop.test.ts')))
})
