"""Exports and their content, in pieces: the services' copies share no disk."""

from uuid import uuid4

from django.db import models

from toby.common.fields import ExactCharField


class Export(models.Model):
    """Somebody's export of one kind. One asked for later is another, and replaces it."""

    class State(models.TextChoices):
        PREPARING = "preparing"
        READY = "ready"
        FAILED = "failed"

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    kind = ExactCharField(max_length=20)
    user_id = models.BigIntegerField()
    state = ExactCharField(max_length=10, choices=State.choices, default=State.PREPARING)
    tries = models.PositiveSmallIntegerField(default=0)
    size_bytes = models.PositiveBigIntegerField(default=0)
    asked_at = models.DateTimeField()
    ready_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["kind", "user_id"], name="a_person_has_one_export_of_a_kind"
            ),
        )
        indexes = (models.Index(fields=["state", "tries", "asked_at"], name="exports_waiting"),)

    def __str__(self) -> str:
        return f"{self.kind} export of user {self.user_id}"


class ExportPiece(models.Model):
    export = models.ForeignKey(Export, on_delete=models.CASCADE, related_name="pieces")
    number = models.PositiveIntegerField()
    content = models.BinaryField()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["export", "number"], name="a_piece_of_an_export_is_there_once"
            ),
        )

    def __str__(self) -> str:
        return f"piece {self.number} of export {self.export_id}"
