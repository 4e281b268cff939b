"""What the last rule of a submission makes, all of which its target asks for."""

from iscqk.plan.plan import Plan


def submission_files(plan: Plan, phase: str) -> list[str]:
    """Return all files of the submission of a phase, or of any: `{phase}`."""
    files = plan.results.submission(phase)
    return [
        files.descriptors,
        files.predictions,
        files.score,
        files.validation,
        files.provenance,
        files.card,
        *files.model_files(plan.submitted_model()),
    ]
