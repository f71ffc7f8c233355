import type { RowFigures } from './figures.js'

/** A limit that a row has to keep. `met` is undefined where what it compares with was not measured. */
export interface Bar {
  readonly text: string
  met(figures: RowFigures): boolean | undefined
}

export function atMostTimes(limit: number, peer: 'nginx' | 'nginx-4k'): Bar {
  return { text: `<= ${limit}x ${peer}`, met: figures => compare(figures.ratio(peer), limit) }
}

export function atMost(limit: number): Bar {
  return { text: `<= ${limit}`, met: figures => compare(figures.median('otad'), limit) }
}

export function atLeast(limit: number): Bar {
  return {
    text: `>= ${limit}`,
    met: figures => {
      const value = figures.median('otad')
      return value === undefined ? undefined : value >= limit
    }
  }
}

export function worstAtMost(limit: number): Bar {
  return { text: `max <= ${limit}`, met: figures => compare(figures.max('otad'), limit) }
}

/** A limit that gives way where nginx itself, on the same machine at the same time, does not keep it. */
export function atMostOrNginx(limit: number): Bar {
  return {
    text: `<= max(${limit}, nginx)`,
    met: figures => compare(figures.median('otad'), Math.max(limit, figures.median('nginx') ?? 0))
  }
}

function compare(value: number | undefined, limit: number): boolean | undefined {
  return value === undefined ? undefined : value <= limit
}
