/** What is mounted where: proc_pid_mountinfo(5), https://man7.org/linux/man-pages/man5/proc_pid_mountinfo.5.html */

/** One mount, as the process that reads it sees it. */
export interface MountEntry {
  /** Where it is mounted, without links in it. */
  readonly point: string;
  /** Of the file system: `tmpfs`, `cgroup2`. */
  readonly type: string;
  /** What the file system as a whole is mounted with. */
  readonly superOptions: string;
}

/** The mounts of a mountinfo text, in the order of mounting. */
export function parseMountinfo(text: string): readonly MountEntry[] {
  return text.split('\n').flatMap((line) => {
    const [left = '', right = ''] = line.split(' - ');
    const point = left.split(' ')[4];
    const [type = '', , superOptions = ''] = right.split(' ');
    return point === undefined ? [] : [{ point: unescaped(point), type, superOptions }];
  });
}

/** Blanks and the like are three octal digits, of one byte each. */
function unescaped(point: string): string {
  if (!point.includes('\\')) return point;
  const bytes = point.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
  return Buffer.from(bytes, 'latin1').toString('utf8');
}
