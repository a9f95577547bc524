// Finds the script in the arguments of an interpreter. Knows the flags of Node and Python; touches no file.

import { basename } from 'node:path'

/**
 * The script that `args` (without the interpreter itself) make the interpreter `executable` run, as written there.
 * undefined when there is none, when a flag brings in other code beside it, and when a flag is not known here: its
 * value, taken for the script, could name any program. Interpreters other than Node and Python have their script first.
 */
export function scriptArgument(executable: string, args: readonly string[]): string | undefined {
  const name = basename(executable)
  const skip = /^node(js)?\d*$/.test(name) ? skipNodeFlags : /^(python|pypy)[\d.]*$/.test(name) ? skipPythonFlags : skipNothing
  const script = args[skip(args)]
  return script === '' || script?.startsWith('-') ? undefined : script
}

/** True when every flag of a NODE_OPTIONS variable is one that leaves the script what it is. */
export function isHarmlessNodeOptions(options: string): boolean {
  const args = options.split(/\s+/).filter(word => word !== '')
  return skipNodeFlags(args) === args.length
}

// Node's flags that take no value and add no code. `--no-…` takes none either.
const NODE_SWITCHES = new Set([
  '--abort-on-uncaught-exception', '--enable-source-maps', '--experimental-sqlite', '--experimental-strip-types', '--experimental-transform-types', '--expose-gc',
  '--pending-deprecation', '--report-on-fatalerror', '--report-uncaught-exception', '--throw-deprecation', '--trace-deprecation', '--trace-exit',
  '--trace-uncaught', '--trace-warnings', '--use-bundled-ca', '--use-openssl-ca', '--use-system-ca',
])

// Those that take one, after `=` or as the next argument.
const NODE_SETTINGS = new Set(['--disable-warning', '--dns-result-order', '--max-http-header-size', '--report-dir', '--report-directory', '--title', '--unhandled-rejections'])

// Settings of V8, which have theirs after `=`.
const V8_SETTINGS = new Set(['--max-heap-size', '--max-old-space-size', '--max-semi-space-size', '--min-semi-space-size', '--stack-size', '--stack-trace-limit'])

// Not in the lists, so refused: --require --import --loader --env-file --inspect --eval --preserve-symlinks-main and
// whatever the next Node brings.
function skipNodeFlags(args: readonly string[]): number {
  for (let at = 0; at < args.length; at++) {
    const arg = args[at]!
    if (arg === '--') return at + 1
    if (!arg.startsWith('-')) return at
    const equals = arg.indexOf('=')
    const hasValue = equals >= 0
    // Node takes --max_old_space_size for --max-old-space-size.
    const flag = (hasValue ? arg.slice(0, equals) : arg).replaceAll('_', '-')
    if (NODE_SETTINGS.has(flag)) at += hasValue ? 0 : 1
    else if (hasValue ? !V8_SETTINGS.has(flag) : !NODE_SWITCHES.has(flag) && !flag.startsWith('--no-')) return -1
  }
  return args.length
}

// Letters that may stand together behind one dash; W and X take a value, the rest of the word or the next one.
// Not in the list, so refused: -c (code), -m (a module), -i (an interactive session afterwards).
const PYTHON_SWITCHES = 'bBdEIOPqRsSuvx'

function skipPythonFlags(args: readonly string[]): number {
  for (let at = 0; at < args.length; at++) {
    const arg = args[at]!
    if (!arg.startsWith('-')) return at
    for (let letter = 1; letter < arg.length; letter++) {
      if (arg[letter] === 'W' || arg[letter] === 'X') {
        if (letter === arg.length - 1) at++
        break
      }
      if (!PYTHON_SWITCHES.includes(arg[letter]!)) return -1
    }
    // A dash alone: the script comes from stdin.
    if (arg === '-') return -1
  }
  return args.length
}

function skipNothing(): number {
  return 0
}
