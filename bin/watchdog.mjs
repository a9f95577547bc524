// The process of a watchdog; `callboard start --watchdog` runs it.

import { launch } from './launch.mjs'

await launch('watchdog/main')
