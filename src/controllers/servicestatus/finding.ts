/** What keeps a Service from working, in words for people. */

/** One thing that is wrong, and what to do about it. */
export interface Finding {
  readonly kind:
    | 'no-selector'
    | 'nothing-selected'
    | 'restart-needed'
    | 'not-running'
    | 'not-ready'
    | 'port-name'
    | 'family'
    | 'not-published'
    | 'too-many-endpoints'
    | 'no-load-balancer-address'
    | 'load-balancer-differs'
    | 'load-balancer-left'
    | 'no-announcer'
    | 'address-held';
  readonly message: string;
  /** A command, or what to change. */
  readonly remedy?: string;
}
