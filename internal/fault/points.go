package fault

// Point names a place where state moves. A place that is passed "before" is one
// at which nothing has happened yet; after a "done" the change is on disk and
// nobody has been told.
type Point string

// The points of the store: opening, control state, the event log, artefacts.
const (
	OpenLocked  Point = "store.open.locked"
	OpenMigrate Point = "store.open.migrate"
	OpenFenced  Point = "store.open.fenced"
	OpenClaim   Point = "store.open.claim"

	CommitBegin Point = "store.commit.begin"
	CommitApply Point = "store.commit.apply"
	CommitSeal  Point = "store.commit.seal"
	CommitDone  Point = "store.commit.done"

	SaveSignals   Point = "store.signals.save"
	SaveDecision  Point = "store.decision.save"
	SaveSchema    Point = "store.schema.save"
	SavePrincipal Point = "store.principal.save"
	Prune         Point = "store.prune"

	RoundBegin  Point = "store.round.begin"
	RoundTables Point = "store.round.tables"
	RoundWrite  Point = "store.round.write"
	RoundDone   Point = "store.round.done"
	RoundAnswer Point = "store.round.answer"

	DayClose  Point = "store.day.close"
	DayCreate Point = "store.day.create"
	DayLayout Point = "store.day.layout"
	DayOpened Point = "store.day.opened"

	DropMark   Point = "store.drop.mark"
	DropMarked Point = "store.drop.marked"
	DropRemove Point = "store.drop.remove"

	BlobClear   Point = "blobs.clear"
	BlobCopy    Point = "blobs.copy"
	BlobWrite   Point = "blobs.write"
	BlobSync    Point = "blobs.sync"
	BlobSyncDir Point = "blobs.sync_dir"
	BlobRename  Point = "blobs.rename"
	BlobRenamed Point = "blobs.renamed"
	BlobPut     Point = "blobs.put"
)

// The points of the gateway.
const (
	PlanLoad    Point = "gateway.plan.load"
	PlanSwap    Point = "gateway.plan.swap"
	PlanWrite   Point = "gateway.plan.write"
	PlanSync    Point = "gateway.plan.sync"
	PlanRename  Point = "gateway.plan.rename"
	PlanRenamed Point = "gateway.plan.renamed"
	PlanRestore Point = "gateway.plan.restore"
	LogOffer    Point = "gateway.log.offer"
	LogAppend   Point = "gateway.log.append"
	LogShadows  Point = "gateway.log.shadows"
)

// The points of a run's work.
const (
	FreezeBegin    Point = "dataset.freeze.begin"
	FreezeRows     Point = "dataset.freeze.rows"
	FreezeManifest Point = "dataset.freeze.manifest"
	FreezeRename   Point = "dataset.freeze.rename"
	FreezeRenamed  Point = "dataset.freeze.renamed"
	Thaw           Point = "dataset.thaw"

	TrainPrepare Point = "train.prepare"
	TrainStart   Point = "train.start"
	TrainFinish  Point = "train.finish"
	Collect      Point = "registry.collect"
	Seal         Point = "registry.seal"
	Sealed       Point = "registry.sealed"
	Profile      Point = "registry.profile"
	OpenVersion  Point = "registry.open"
)

// The points of a run's states: before the commit that enters one, and after.
const (
	BeforeCollecting Point = "loop.collecting.before"
	AfterCollecting  Point = "loop.collecting.after"
	BeforeValidating Point = "loop.validating.before"
	AfterValidating  Point = "loop.validating.after"
	BeforeTraining   Point = "loop.training.before"
	AfterTraining    Point = "loop.training.after"
	BeforeEvaluating Point = "loop.evaluating.before"
	AfterEvaluating  Point = "loop.evaluating.after"
	BeforeDeciding   Point = "loop.deciding.before"
	AfterDeciding    Point = "loop.deciding.after"
	BeforeApproval   Point = "loop.awaiting_approval.before"
	AfterApproval    Point = "loop.awaiting_approval.after"
	BeforeShadow     Point = "loop.shadow.before"
	AfterShadow      Point = "loop.shadow.after"
	BeforeCanary     Point = "loop.canary.before"
	AfterCanary      Point = "loop.canary.after"
	BeforeClosed     Point = "loop.closed.before"
	AfterClosed      Point = "loop.closed.after"
)

// The points of what moves the champion, and of starting up.
const (
	Crown         Point = "loop.crown"
	CrownBefore   Point = "loop.crown.before"
	CrownAfter    Point = "loop.crown.after"
	ApplyPlan     Point = "loop.plan.apply"
	AppliedPlan   Point = "loop.plan.applied"
	Reign         Point = "loop.reign"
	RollbackFirst Point = "loop.rollback.before"
	RollbackAfter Point = "loop.rollback.after"
	WatchBefore   Point = "loop.probation.before"
	WatchAfter    Point = "loop.probation.after"
	Resume        Point = "loop.resume"

	TokenSave    Point = "app.token.save"
	TokenWrite   Point = "app.token.write"
	TokenRename  Point = "app.token.rename"
	ConfigBefore Point = "app.config.before"
	ConfigAfter  Point = "app.config.after"
	Address      Point = "app.address"

	HistoryRows    Point = "op.history.rows"
	HistoryLabels  Point = "op.history.labels"
	ImportedRows   Point = "op.predictions"
	ImportedLabels Point = "op.feedback"
)

// Points are all points.
func Points() []Point {
	return []Point{
		OpenLocked, OpenMigrate, OpenFenced, OpenClaim,
		CommitBegin, CommitApply, CommitSeal, CommitDone,
		SaveSignals, SaveDecision, SaveSchema, SavePrincipal, Prune,
		RoundBegin, RoundTables, RoundWrite, RoundDone, RoundAnswer,
		DayClose, DayCreate, DayLayout, DayOpened, DropMark, DropMarked, DropRemove,
		BlobClear, BlobCopy, BlobWrite, BlobSync, BlobSyncDir, BlobRename, BlobRenamed, BlobPut,
		PlanLoad, PlanSwap, PlanWrite, PlanSync, PlanRename, PlanRenamed, PlanRestore, LogOffer, LogAppend, LogShadows,
		FreezeBegin, FreezeRows, FreezeManifest, FreezeRename, FreezeRenamed, Thaw,
		TrainPrepare, TrainStart, TrainFinish, Collect, Seal, Sealed, Profile, OpenVersion,
		BeforeCollecting, AfterCollecting, BeforeValidating, AfterValidating, BeforeTraining, AfterTraining,
		BeforeEvaluating, AfterEvaluating, BeforeDeciding, AfterDeciding, BeforeApproval, AfterApproval,
		BeforeShadow, AfterShadow, BeforeCanary, AfterCanary, BeforeClosed, AfterClosed,
		Crown, CrownBefore, CrownAfter, ApplyPlan, AppliedPlan, Reign, RollbackFirst, RollbackAfter, WatchBefore, WatchAfter, Resume,
		TokenSave, TokenWrite, TokenRename, ConfigBefore, ConfigAfter, Address,
		HistoryRows, HistoryLabels, ImportedRows, ImportedLabels,
	}
}
