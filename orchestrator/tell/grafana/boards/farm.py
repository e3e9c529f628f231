"""The state of the farm now: devices, leases, queue, outbox, nights."""

from orchestrator.tell.grafana import variables
from orchestrator.tell.grafana.board import Board, Section
from orchestrator.tell.grafana.panels import GREEN, RED, YELLOW, Column, Query, figure, history, lines, rows
from orchestrator.tell.grafana.queries import or_zero, select

_UP = "earshot_device_up"
_NIGHTS = ["plan"]
# Scrapes are seconds apart.
_LIVE = "1m"


def _plan(metric: str) -> str:
    return f"last_over_time({select(metric, _NIGHTS)}[14d])"


BOARD = Board(
    "earshot-farm",
    "Earshot / Farm health",
    "Devices, leases, queue, outbox and nights as they are now, from earshot's live exporter.",
    "earshot_build_info",
    [
        variables.several("device", "earshot_device_info"),
        variables.several("plan", "earshot_night_finished_timestamp_seconds"),
    ],
    [
        Section(
            "Now",
            [
                figure(
                    "Devices up",
                    "Devices whose last contact went well.",
                    "short",
                    f"sum({select(_UP, ['device'])})",
                    width=3,
                ),
                figure(
                    "Devices lost",
                    "Devices whose last contact failed.",
                    "short",
                    or_zero(f"count({select(_UP, ['device'])} == 0)"),
                    steps=((1, RED),),
                    width=3,
                ),
                figure(
                    "In quarantine",
                    "They failed too often or drifted; earshot devices doctor brings them back.",
                    "short",
                    or_zero(f"sum({select('earshot_device_quarantined', ['device'])})"),
                    steps=((1, YELLOW),),
                    width=3,
                ),
                figure(
                    "Sessions running",
                    "Devices on which a process of Earshot is at work now.",
                    "short",
                    f"sum({select('earshot_sessions_running')})",
                    width=3,
                ),
                figure(
                    "Sessions to do",
                    "Sessions that running nights still have to do.",
                    "short",
                    or_zero(f"sum({select('earshot_queue_sessions')})"),
                    width=3,
                ),
                figure(
                    "Samples waiting",
                    "In the outbox, for any server.",
                    "short",
                    or_zero(f"sum({select('earshot_outbox_samples')})"),
                    width=3,
                ),
                figure(
                    "Oldest sample waits",
                    "0 where nothing waits. An hour is worth a look: the server may be down.",
                    "s",
                    or_zero(f"time() - min({select('earshot_outbox_oldest_timestamp_seconds')})"),
                    steps=((3600, YELLOW), (21_600, RED)),
                    width=3,
                ),
                figure(
                    "Exporters up",
                    "Share of live exporters that Prometheus reaches.",
                    "percentunit",
                    "avg(" + select("up") + ")",
                    width=3,
                ),
            ],
        ),
        Section(
            "Devices",
            [
                lines(
                    "Devices by state",
                    "Free, held by somebody, or in quarantine.",
                    "short",
                    [Query(f"sum by (state) ({select('earshot_devices')})", "{{state}}")],
                    interval=_LIVE,
                    stacked=True,
                ),
                lines(
                    "Sessions running and to do",
                    "Devices at work, and what running nights still have to do.",
                    "short",
                    [
                        Query(f"sum({select('earshot_sessions_running')})", "running"),
                        Query(f"sum by (plan) ({select('earshot_queue_sessions')})", "to do: {{plan}}"),
                    ],
                    interval=_LIVE,
                    zero=True,
                ),
                history(
                    "Reached",
                    "Whether the last contact with a device went well.",
                    "none",
                    Query(f"max by (device) ({select(_UP, ['device'])})", "{{device}}"),
                    steps=((0, RED), (1, GREEN)),
                    names={"0": "lost", "1": "up"},
                    width=12,
                    interval="10m",
                ),
                history(
                    "Held",
                    "Whether somebody had a device.",
                    "none",
                    Query(f"max by (device) ({select('earshot_lease_held', ['device'])})", "{{device}}"),
                    steps=((1, YELLOW),),
                    names={"0": "free", "1": "held"},
                    width=12,
                    interval="10m",
                ),
                rows(
                    "Devices of the lab",
                    "Which they are, whether they are reached, and when they last ended a session.",
                    "none",
                    [
                        select("earshot_device_info", ["device"]),
                        f"max by (device) ({select(_UP, ['device'])})",
                        f"max by (device) ({select('earshot_device_quarantined', ['device'])})",
                        f"time() - max by (device) "
                        f"({select('earshot_device_last_seen_timestamp_seconds', ['device'])})",
                    ],
                    [
                        Column("device", "device"),
                        Column("device_model", "device model"),
                        Column("profile", "profile"),
                        Column("Value #B", "up", "bool_yes_no"),
                        Column("Value #C", "in quarantine", "bool_yes_no", steps=((1, RED),)),
                        Column("Value #D", "last session ended before", "s"),
                    ],
                ),
            ],
        ),
        Section(
            "Outbox",
            [
                lines(
                    "Samples waiting by server",
                    "For each server.",
                    "short",
                    [Query(f"sum by (target) ({select('earshot_outbox_samples')})", "{{target}}")],
                    interval=_LIVE,
                    zero=True,
                ),
                lines(
                    "Samples taken",
                    "By each server, a second.",
                    "cps",
                    [
                        Query(
                            f"sum by (target) (rate({select('earshot_outbox_sent_samples_total')}[$__rate_interval]))",
                            "{{target}}",
                        )
                    ],
                    interval=_LIVE,
                    zero=True,
                ),
                lines(
                    "Samples refused",
                    "That a server will never take, in each interval: too old, in the future, not valid.",
                    "short",
                    [
                        Query(
                            "sum by (target, reason) "
                            f"(increase({select('earshot_outbox_refused_samples_total')}[$__rate_interval]))",
                            "{{target}}: {{reason}}",
                        )
                    ],
                    interval=_LIVE,
                    zero=True,
                ),
                rows(
                    "Versions",
                    "Of Earshot, as each exporter answers.",
                    "none",
                    [select("earshot_build_info")],
                    [Column("instance", "exporter"), Column("version", "version")],
                    width=12,
                ),
            ],
        ),
        Section(
            "Nights",
            [
                rows(
                    "Last night of each plan",
                    "When it ended, how long it took, and what is missing. Success: with all of its devices.",
                    "none",
                    [
                        f"max by (plan) ({_plan('earshot_night_finished_timestamp_seconds')}) * 1000",
                        f"max by (plan) ({select('earshot_last_night_success_timestamp_seconds', _NIGHTS)}) * 1000",
                        f"max by (plan) ({_plan('earshot_night_duration_seconds')})",
                        f"max by (plan) ({_plan('earshot_night_devices_missing')})",
                        f"max by (plan) ({_plan('earshot_night_late')})",
                    ],
                    [
                        Column("plan", "plan"),
                        Column("Value #A", "ended", "dateTimeAsIso"),
                        Column("Value #B", "last success", "dateTimeAsIso"),
                        Column("Value #C", "took", "s"),
                        Column("Value #D", "devices missing", "short", steps=((1, RED),)),
                        Column("Value #E", "late", "bool_yes_no", steps=((1, YELLOW),)),
                    ],
                ),
                lines(
                    "Sessions a night",
                    "By plan and outcome, of the last night before each point.",
                    "short",
                    [
                        Query(
                            f"max by (plan, outcome) ({_plan('earshot_night_sessions')})",
                            "{{plan}}: {{outcome}}",
                        )
                    ],
                    zero=True,
                    back="90d",
                ),
                lines(
                    "Length of nights",
                    "Of each plan.",
                    "s",
                    [Query(f"max by (plan) ({_plan('earshot_night_duration_seconds')})", "{{plan}}")],
                    zero=True,
                    back="90d",
                ),
            ],
        ),
    ],
    nightly=False,
)
