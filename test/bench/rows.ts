import { atLeast, atMost, atMostOrNginx, atMostTimes, type Bar, worstAtMost } from './bars.js'

/** One line of the table: what is measured, in what unit, and how good it has to be. */
export interface Row {
  readonly id: string
  readonly label: string
  readonly unit: string
  readonly bars: readonly Bar[]
}

/** The bars are those of the design's performance goals: ratios leave room for lookup, generations, logging and limits. */
export const rows: readonly Row[] = [
  {
    id: 'bulk-1m',
    label: 'whole 1 MiB, TLS 1.2',
    unit: 'CPU s/GB',
    bars: [atMostTimes(1.5, 'nginx'), atMostTimes(1, 'nginx-4k')]
  },
  {
    id: 'bulk-4m',
    label: 'whole 4 MiB, TLS 1.3',
    unit: 'CPU s/GB',
    bars: [atMostTimes(1.5, 'nginx'), atMostTimes(1, 'nginx-4k')]
  },
  {
    id: 'range-64k',
    label: '64 KiB ranges, one connection',
    unit: 'CPU ms',
    bars: [atMostTimes(1.6, 'nginx'), atMostTimes(0.8, 'nginx-4k')]
  },
  { id: 'range-4k', label: '4 KiB ranges, one connection', unit: 'CPU ms', bars: [atMostTimes(2.5, 'nginx')] },
  { id: 'range-new', label: '64 KiB range, new connection', unit: 'CPU ms', bars: [atMostTimes(2.1, 'nginx')] },
  { id: 'range-resumed', label: '64 KiB range, resumed', unit: 'CPU ms', bars: [atMostTimes(2.4, 'nginx')] },
  { id: 'handshake', label: 'full handshake + 1 KiB', unit: 'CPU ms', bars: [atMostTimes(2, 'nginx')] },
  { id: 'handshake-rate', label: 'the same, on a whole core', unit: '/s', bars: [atLeast(1700)] },
  { id: 'readers-500-memory', label: '500 slow readers, each', unit: 'KiB PSS', bars: [] },
  { id: 'readers-500-rss', label: '500 slow readers, in all', unit: 'MiB RSS', bars: [atMost(220)] },
  { id: 'readers-500-first', label: 'new device beside them, p99', unit: 'ms', bars: [] },
  { id: 'readers-2000-memory', label: '2,000 slow readers, each', unit: 'KiB PSS', bars: [atMostTimes(1, 'nginx')] },
  { id: 'readers-2000-rss', label: '2,000 slow readers, in all', unit: 'MiB RSS', bars: [atMost(320)] },
  { id: 'readers-2000-first', label: 'new device beside them, p99', unit: 'ms', bars: [atMostOrNginx(100)] },
  { id: 'readers-2000-cpu', label: 'CPU with 2,000 slow readers', unit: 'ms/s', bars: [atMostTimes(1, 'nginx')] },
  { id: 'start', label: 'start to a whole 1 MiB image', unit: 'ms', bars: [atMost(400)] },
  { id: 'idle', label: 'idle', unit: 'MiB RSS', bars: [atMost(90)] },
  { id: 'publish-rename', label: 'build to served, renamed', unit: 'ms', bars: [atMost(100), worstAtMost(300)] },
  { id: 'publish-write', label: 'build to served, one write', unit: 'ms', bars: [atMost(100), worstAtMost(300)] },
  { id: 'publish-pieces', label: 'build to served, in pieces', unit: 'ms', bars: [atMost(100), worstAtMost(300)] }
]
