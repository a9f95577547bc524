// Runs `callboard-mac`.

import { runProgram } from '../run-program.ts'
import { buildMacProgram } from './program.ts'

await runProgram(buildMacProgram())
