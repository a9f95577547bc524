// What the documents and the manifest say of the repository is so: links lead somewhere, scripts and commands exist.

import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import test from 'ava'
import type { Command } from 'commander'
import { buildProgram } from '../../cli/program.ts'

const root = join(import.meta.dirname, '../..')
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  bin: Record<string, string>
  scripts: Record<string, string>
  dependencies: Record<string, string>
  devDependencies: Record<string, string>
  optionalDependencies: Record<string, string>
}
const documents = globSync(['*.md', 'docs/**/*.md', 'bench/*.md', 'examples/*.md'], { cwd: root }).toSorted()
const read = (file: string): string => readFileSync(join(root, file), 'utf8')

/** The words behind `callboard` that name no command, as far as they are words and the command has commands below it. */
function unknownCommand(words: readonly string[]): string | undefined {
  let command: Command = buildProgram()
  for (const word of words) {
    if (command.commands.length === 0 || !/^[a-z]/.test(word)) return undefined
    const next = command.commands.find(candidate => candidate.name() === word || candidate.aliases().includes(word))
    if (next === undefined) return word === 'help' ? undefined : words.join(' ')
    command = next
  }
  return undefined
}

test('documents: every relative link leads to a file', t => {
  const broken = documents.flatMap(file =>
    [...read(file).matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)[^)]*\)/g)].map(match => match[1]!).filter(target => !existsSync(join(root, dirname(file), target))).map(target => `${file}: ${target}`),
  )
  t.deepEqual(broken, [])
})

test('documents: every npm script that they name exists', t => {
  const unknown = documents.flatMap(file => [...read(file).matchAll(/\bnpm run ([a-z][a-z:]*)/g)].map(match => match[1]!).filter(name => !(name in manifest.scripts)).map(name => `${file}: npm run ${name}`))
  t.deepEqual(unknown, [])
})

/** The text without what commands print: in a console block only what follows a prompt is a command. */
function withoutOutputs(markdown: string): string {
  return markdown.replaceAll(/^```console\n[^]*?^```$/gm, block => block.split('\n').filter(line => line.startsWith('$ ')).join('\n'))
}

test('documents: every command line that they show names commands that exist', t => {
  // At the start of a line or of inline code, so that prose about Callboard is not taken for a command.
  const shown = documents.flatMap(file => [...withoutOutputs(read(file)).matchAll(/(?:^(?:\$ )?|`)(?:npx )?callboard ([a-z][^\n`|]*)/gm)].map(match => ({ file, words: match[1]!.split(/\s+/) })))
  t.true(shown.length > 0)
  t.deepEqual(shown.filter(({ words }) => unknownCommand(words) !== undefined).map(({ file, words }) => `${file}: callboard ${words.join(' ')}`), [])
})

test('documents: a misspelt command would be noticed', t => {
  t.is(unknownCommand(['ipc', 'send', '--message', 'x']), undefined)
  t.is(unknownCommand(['ipc', 'sned']), 'ipc sned')
  t.is(unknownCommand(['strat']), 'strat')
})

test('manifest: versions are exact, as npm ci must find what was locked', t => {
  const versions = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies, ...manifest.optionalDependencies })
  t.deepEqual(versions.filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version)), [])
})

test('manifest: what it points at exists', t => {
  const files = [...Object.values(manifest.bin), ...Object.values(manifest.scripts).flatMap(script => script.match(/\S+\.(?:ts|mjs|yaml)\b/g) ?? []).filter(file => !file.includes('*'))]
  t.deepEqual(files.filter(file => !existsSync(join(root, file))), [])
})
