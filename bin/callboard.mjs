#!/usr/bin/env node
// The command `callboard`.

import { launch } from './launch.mjs'

await launch('cli/main')
