#!/usr/bin/env node
// The command `callboard-mac`.

import { launch } from './launch.mjs'

await launch('cli/mac/main')
