"""SQLAlchemy 2 declarative tables, split by aggregate. Importing this package registers every core table."""

from engine.models.addresses import Address, AddressName, AddressToken
from engine.models.base import Base
from engine.models.cases import (
    Case,
    CaseClock,
    CaseEvent,
    CaseLink,
    CaseUnit,
    ClockSpan,
    Counter,
    Evaluation,
    Supervision,
)
from engine.models.catalogue import CatalogueVersion, FilingCondition, Subclass
from engine.models.components import ComponentChange, ComponentCount, ComponentPhoto, Survey, SurveyRefusal
from engine.models.documents import DocumentDelivery, OfficialDocument
from engine.models.drafts import Draft
from engine.models.evidence import Evidence, EvidenceSweep, PhotoBand
from engine.models.ground import Component, Division, DutyGrid, UnitGrid
from engine.models.ground_versions import GroundArea, GroundVersion
from engine.models.intake import IntakeModel, IntakeNumber, IntakeSuggestion
from engine.models.manual import ManualChange
from engine.models.migration import Migration, MigrationItem
from engine.models.notices import Notice
from engine.models.organisation import AccessToken, Department, Person, PersonPost, Post
from engine.models.overdue import TaskOverdue
from engine.models.patrol import (
    DutyShift,
    PatrolAccess,
    PatrolCoverage,
    PatrolFact,
    PatrolState,
    TrackDay,
    TrackPoint,
)
from engine.models.plugins import PluginJob, PluginMark
from engine.models.registers import RegisterChange, RegisterEntry
from engine.models.roads import RoadSegment
from engine.models.sensors import (
    SensorAlarm,
    SensorCrossing,
    SensorDevice,
    SensorFence,
    SensorHour,
    SensorListener,
    SensorReading,
    SensorRefusal,
    SensorState,
    SensorTrack,
)
from engine.models.waiting import WaitingEvent
from engine.models.workflow import (
    Deployment,
    IdempotencyKey,
    Incident,
    Instance,
    OutboxMessage,
    Task,
    Timer,
)

__all__ = [
    "AccessToken",
    "Address",
    "AddressName",
    "AddressToken",
    "Base",
    "Case",
    "CaseClock",
    "CaseEvent",
    "CaseLink",
    "CaseUnit",
    "CatalogueVersion",
    "ClockSpan",
    "Component",
    "ComponentChange",
    "ComponentCount",
    "ComponentPhoto",
    "Counter",
    "Department",
    "Deployment",
    "Division",
    "DocumentDelivery",
    "Draft",
    "DutyGrid",
    "DutyShift",
    "Evaluation",
    "Evidence",
    "EvidenceSweep",
    "FilingCondition",
    "GroundArea",
    "GroundVersion",
    "IdempotencyKey",
    "Incident",
    "Instance",
    "IntakeModel",
    "IntakeNumber",
    "IntakeSuggestion",
    "ManualChange",
    "Migration",
    "MigrationItem",
    "Notice",
    "OfficialDocument",
    "OutboxMessage",
    "PatrolAccess",
    "PatrolCoverage",
    "PatrolFact",
    "PatrolState",
    "Person",
    "PersonPost",
    "PhotoBand",
    "PluginJob",
    "PluginMark",
    "Post",
    "RegisterChange",
    "RegisterEntry",
    "RoadSegment",
    "SensorAlarm",
    "SensorCrossing",
    "SensorDevice",
    "SensorFence",
    "SensorHour",
    "SensorListener",
    "SensorReading",
    "SensorRefusal",
    "SensorState",
    "SensorTrack",
    "Subclass",
    "Supervision",
    "Survey",
    "SurveyRefusal",
    "Task",
    "TaskOverdue",
    "Timer",
    "TrackDay",
    "TrackPoint",
    "UnitGrid",
    "WaitingEvent",
]
