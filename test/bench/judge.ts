/**
 * How fast the judge is, beside a plain SHA-256 of the same bytes, which nobody who checks an image can do without.
 * `npm run bench:judge`; rounds alternate, so that what else the machine does weighs on both alike.
 */
import { createHash } from 'node:crypto'
import { verifyImage } from '../../src/image/verify.js'
import { anImage } from '../support/image-builder.js'
import { median } from './figures.js'

const MIB = 1024 * 1024
const SIZES = [1, 4, 16]
/** So many bytes go through each of the two in every size. */
const BYTES_PER_SIZE = 512 * MIB

interface Row {
  readonly size: number
  readonly judge: number
  readonly sha256: number
}

function measure(size: number): Row {
  const image = anImage({ chip: 'esp32s3', length: size * MIB })
  if (verifyImage(image).verdict !== 'accept') throw new Error('the image to measure with is not accepted')
  const rounds = Math.max(15, Math.floor(BYTES_PER_SIZE / image.length))
  const judge: number[] = []
  const sha256: number[] = []
  // The first rounds are compiled on the way.
  for (let round = -3; round < rounds; round++) {
    const judgeMs = timed(() => verifyImage(image))
    const sha256Ms = timed(() => createHash('sha256').update(image).digest())
    if (round < 0) continue
    judge.push(judgeMs)
    sha256.push(sha256Ms)
  }
  return { size, judge: perSecond(image, judge), sha256: perSecond(image, sha256) }
}

function timed(work: () => unknown): number {
  const startedAt = performance.now()
  work()
  return performance.now() - startedAt
}

/** MB, by the median of the rounds. */
function perSecond(image: Buffer, durationsMs: readonly number[]): number {
  return image.length / 1e6 / ((median(durationsMs) ?? Number.NaN) / 1000)
}

process.stdout.write('image      judge          SHA-256        judge / SHA-256\n')
for (const { size, judge, sha256 } of SIZES.map(measure)) {
  const columns = [`${size} MiB`, `${judge.toFixed(0)} MB/s`, `${sha256.toFixed(0)} MB/s`, (judge / sha256).toFixed(2)]
  const [name = '', ofJudge = '', ofSha256 = '', share = ''] = columns
  process.stdout.write(`${name.padEnd(11)}${ofJudge.padEnd(15)}${ofSha256.padEnd(15)}${share}\n`)
}
