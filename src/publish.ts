import { createHash } from 'node:crypto'
import type { CatalogKeeper } from './catalog-keeper.js'
import { systemErrorCode } from './errors.js'
import type { Report } from './events.js'
import { digestFlash } from './flash-parts.js'
import type { DeviceLine } from './image/device-lines.js'
import { explainProblem, isWarning, type Problem } from './image/problem.js'
import { isServable } from './image/servable.js'
import { isSpecial } from './image/special-kinds.js'
import type { Verdict } from './image/verdict.js'
import { verifyImage } from './image/verify.js'
import { explainWrongFile, isWrongFile } from './image/wrong-file.js'
import { type NameEntry, newestOf, numberOf, type Refusal, releasesOf } from './releases/catalog.js'
import { computeDigests } from './releases/digests.js'
import { type FlashPlan, isSameFlash } from './releases/flash.js'
import { makeRelease } from './releases/make-release.js'
import type { PartKeeper } from './releases/part-keeper.js'
import type { Release } from './releases/release.js'
import { bytesOf, withSignedForm } from './smartthings/signed-form.js'
import type { Signing } from './smartthings/signing.js'
import type { BuildFolder } from './watch/build-folder.js'
import type { Candidate, IntakeDoors, Outcome } from './watch/candidate.js'
import { readCandidate } from './watch/read-candidate.js'
import { fileSize, shortDigest } from './words.js'

export interface PublishingOptions {
  readonly folderOf: (candidate: Candidate) => BuildFolder
  /** Names of the other files in the same folder. */
  readonly neighboursOf: (candidate: Candidate) => readonly string[]
  readonly kept: Pick<CatalogKeeper, 'catalog' | 'commit' | 'isRestoring' | 'publish' | 'restored'>
  /** Keeps what lies beside the apps in flash. */
  readonly parts: PartKeeper
  /** Signs apps for SmartThings' ota_demo, where that is wanted. */
  readonly signing: Pick<Signing, 'formOf' | 'sign'>
  /** What a file of this name is judged by, this version of the judge included. */
  readonly rulesOf: (name: string, folder: BuildFolder) => string
  readonly maxImageBytes: number
  readonly report: Report
}

/** What happens to a candidate on its way to a release, for the intake to put in order. */
export function createPublishing(options: PublishingOptions): IntakeDoors<Verdict> {
  const { folderOf, neighboursOf, kept, parts, signing, rulesOf, maxImageBytes, report } = options
  const troubles = new Map<string, string>()

  /** Says what the disk refuses, once for each name and reason, and has it tried again. */
  const later = (name: string, error: unknown): Outcome => {
    const code = systemErrorCode(error)
    if (code === undefined) throw error
    if (troubles.get(name) !== code)
      report('store.failed', { name, reason: explainDisk(code), hint: hintForDisk(code) })
    troubles.set(name, code)
    return 'later'
  }

  /** What is known of a name, as soon as what the last run left of it has been looked at. */
  const entryOf = async (name: string): Promise<NameEntry | undefined> => {
    await kept.restored(name)
    return kept.catalog.entry(name)
  }

  const refuse = async (candidate: Candidate, kind: string, refusal: Refusal): Promise<Outcome> => {
    const { name } = candidate
    try {
      await kept.restored(name)
      await kept.commit({ type: 'refuse', name, refusal })
    } catch (error) {
      return later(name, error)
    }
    const { reason, sentence, device } = refusal
    report('candidate.rejected', {
      name,
      kind,
      reason,
      sentence,
      device,
      serving: describeServed(kept.catalog.entry(name))
    })
    return 'done'
  }

  /** By stricter settings than those of the last run the very bytes that are served may be refused: they are no last good release. */
  const withdrawIfCurrent = async (name: string, bytes: Buffer): Promise<void> => {
    const current = (await entryOf(name))?.current
    if (current?.size !== bytes.length || sha256Of(bytes) !== current.digest) return
    await kept.commit({ type: 'withdraw', name, at: Date.now() })
    report('release.withdrawn', { name, digest: current.digest })
  }

  const doors: IntakeDoors<Verdict> = {
    read: async (candidate, knownKey) => {
      const { name, file, folder } = candidate
      await folderOf(candidate).refresh(name)
      return readCandidate({ file, folder, maxImageBytes, knownKey })
    },
    judge: (candidate, bytes) => {
      const context = folderOf(candidate).contextOf(candidate.name)
      const verdict = verifyImage(bytes, context)
      return { isServable: isServable(verdict, context), isSelfContained: verdict.selfContained, verdict }
    },
    accept: async (candidate, { bytes, key, settleMs }, verdict) => {
      const { name, folder } = candidate
      const digests = await computeDigests(bytes)
      const flash = await digestFlash(await folderOf(candidate).flashOf(name))
      const entry = await entryOf(name)
      // What was set aside still lies there: only another build is news.
      if (entry?.current !== undefined && isKnown(entry, digests.sha256)) {
        if (entry.refusal !== undefined) await kept.commit({ type: 'excuse', name })
        signing.sign(name)
        if (!hasOtherFlash(entry, digests.sha256, flash.plan)) {
          // What the disk did not have the last time, or lost since.
          if (entry.current.flash !== undefined && isSameFlash(entry.current.flash, flash.plan))
            await parts.keep(flash.bytes, async () => {})
          return 'done'
        }
        // A build system writes the bootloader and the table when it likes: the release is the same, with other neighbours.
        const release = { ...entry.current, rules: rulesOf(name, folderOf(candidate)), flash: flash.plan }
        try {
          await parts.keep(flash.bytes, () => kept.commit({ type: 'publish', release }))
        } catch (error) {
          return later(name, error)
        }
        return 'done'
      }
      const context = folderOf(candidate).contextOf(name)
      const judged = makeRelease({
        name,
        number: numberOf(entry, digests.sha256),
        folder,
        fileKey: key,
        rules: rulesOf(name, folderOf(candidate)),
        size: bytes.length,
        digests,
        verdict,
        // Never before the one before, whatever the clock does: clients compare dates.
        publishedAt: Math.max(Date.now(), newestDate(entry) + 1),
        previous: entry && newestOf(entry),
        slotSize: isSpecial(verdict.kind, context) ? undefined : context.slotSize,
        flash: flash.plan
      })
      const signed = await signing.formOf(judged, bytes, newestFirst(entry))
      const release = signed === undefined ? judged : withSignedForm(judged, signed)
      try {
        await parts.keep(flash.bytes, () => kept.publish(release, bytes, signed && bytesOf(signed)))
      } catch (error) {
        return later(name, error)
      }
      troubles.delete(name)
      if (flash.bytes.size > 0 && !kept.isRestoring) await parts.prune(kept.catalog)
      const after = kept.catalog.entry(name)
      const serving = after?.current?.digest === release.digest ? undefined : describeServed(after)
      report('release.published', { ...describeRelease(release, settleMs), serving })
      return 'done'
    },
    refuse: async (candidate, bytes, verdict) => {
      try {
        await withdrawIfCurrent(candidate.name, bytes)
      } catch (error) {
        return later(candidate.name, error)
      }
      // The files of the build system may have come after the image: it is no mistake to have a bootloader.
      if (!folderOf(candidate).leavesOut(candidate.name))
        return refuse(candidate, verdict.kind, refusalOf(verdict, neighboursOf(candidate)))
      if (kept.catalog.entry(candidate.name)?.refusal !== undefined)
        await kept.commit({ type: 'excuse', name: candidate.name })
      return 'done'
    },
    refuseTooLarge: (candidate, size) =>
      refuse(candidate, 'unknown', {
        reason: 'too-large-to-read',
        sentence: `is ${fileSize(size)}, more than the ${fileSize(maxImageBytes)} that otad reads (--max-image-bytes)`,
        device: undefined,
        at: Date.now()
      }),
    withdraw: async name => {
      const entry = await entryOf(name)
      if (entry === undefined) return 'done'
      try {
        await kept.commit(
          entry.current === undefined ? { type: 'excuse', name } : { type: 'withdraw', name, at: Date.now() }
        )
      } catch (error) {
        return later(name, error)
      }
      if (entry.current !== undefined) report('release.withdrawn', { name, digest: entry.current.digest })
      return 'done'
    },
    tellUnreadable: ({ name }, reason) => report('candidate.unreadable', { name, reason: explainUnreadable(reason) }),
    tellStillChanging: ({ name }, sinceMs) => report('candidate.changing', { name, sinceMs }),
    tellBug: err => report('bug', { err })
  }
  return doors
}

/** Whether these bytes are the newest build already, served or set aside: what was set aside still lies there, and only another build is news. */
function isKnown(entry: NameEntry, digest: string): boolean {
  if (entry.current?.digest === digest) return true
  return entry.rollback?.from === digest && releasesOf(entry).some(release => release.digest === digest)
}

function newestFirst(entry: NameEntry | undefined): readonly Release[] {
  return entry === undefined ? [] : [...releasesOf(entry)].sort((a, b) => b.number - a.number)
}

/** Milliseconds since 1970. */
function newestDate(entry: NameEntry | undefined): number {
  return entry === undefined ? 0 : Math.max(0, ...releasesOf(entry).map(({ publishedAt }) => publishedAt))
}

/** Why a verdict keeps a file from being served: the first problem, and the first thing a device would have said. */
function refusalOf(verdict: Verdict, neighbours: readonly string[]): Refusal {
  const problem = verdict.problems.find(found => !isWarning(found))
  return {
    reason: problem?.code ?? verdict.verdict,
    sentence: explainRefusal(verdict, problem, neighbours),
    device: firstLine(verdict.device),
    at: Date.now()
  }
}

function explainRefusal(verdict: Verdict, problem: Problem | undefined, neighbours: readonly string[]): string {
  if (problem === undefined) return explainOtherFamily(verdict)
  return isWrongFile(verdict) ? explainWrongFile(verdict.kind, neighbours) : explainProblem(problem)
}

/** `esp_image: invalid segment length 0xffffffff`, as it stands in a device's log. */
function firstLine(lines: readonly DeviceLine[]): string | undefined {
  const line = lines.find(({ level }) => level === 'E') ?? lines[0]
  if (line === undefined) return undefined
  // SmartThings' demo prints without a tag.
  return `${line.tag === '' ? '' : `${line.tag}: `}${line.text}${line.likely === true ? ' …' : ''}`
}

function explainOtherFamily({ kind }: Verdict): string {
  return `is an ESP8266 image (${kind}); otad serves those only with --chip esp8266`
}

function describeServed(entry: NameEntry | undefined): string | undefined {
  if (entry?.current === undefined) return undefined
  const { version, digest } = entry.current
  return version === '' ? shortDigest(digest) : `${version} (${shortDigest(digest)})`
}

function describeRelease(release: Release, settleMs: number) {
  const { name, digest, version, project, size, kind, warnings } = release
  return {
    name,
    digest,
    version,
    project,
    chip: release.chip ?? '',
    size,
    kind,
    settleMs: Math.round(settleMs),
    warnings
  }
}

/** Whether the same build is current, and what lies beside it now is another thing; a bootloader that is gone for a moment is not. */
function hasOtherFlash(
  { current, rollback }: NameEntry,
  digest: string,
  plan: FlashPlan | undefined
): plan is FlashPlan {
  if (plan === undefined || rollback !== undefined || current?.digest !== digest) return false
  if (plan.parts.length === 0 && (current.flash?.parts.length ?? 0) > 0) return false
  return !isSameFlash(current.flash, plan)
}

function sha256Of(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}

function explainDisk(code: string): string {
  switch (code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return 'the disk that holds state/ is full'
    case 'EMFILE':
    case 'ENFILE':
      return 'too many files are open'
    default:
      return `state/ cannot be written (${code})`
  }
}

function hintForDisk(code: string): string {
  return code === 'EMFILE' || code === 'ENFILE'
    ? 'raise the limit (ulimit -n); otad tries again by itself'
    : 'make room or mend it; otad tries again by itself, and what it serves stays served'
}

function explainUnreadable(code: string): string {
  return code === 'EACCES' || code === 'EPERM' ? 'cannot be read: no permission' : `cannot be read (${code})`
}
