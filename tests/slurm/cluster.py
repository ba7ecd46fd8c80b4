"""A real SLURM of one node on the loopback interface, for tests: starts in about a second, touches nothing outside
its folder, keeps no accounts (so `sacct` answers nothing, as on many small clusters).

Partitions, the later evicting jobs of the earlier: ``spare``, ``gpu`` (the default), ``high``. More CPUs and memory
are advertised than the machine has, and two GPUs, so that jobs made for a real cluster run as they are.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

DAEMONS = ("munged", "slurmctld", "slurmd")
MISSING = "SLURM is not installed: apt-get install --no-install-recommends slurm-wlm munge"
CPUS, MEMORY_MB, LONGEST_ARRAY = 32, 128_000, 3

CONFIGURATION = """
ClusterName=one
SlurmctldHost={node}(127.0.0.1)
SlurmctldPort={port}
SlurmdPort={slurmd_port}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
CredType=cred/munge
# A requeued job may start again only when its credential has expired; 120 s is the default.
AuthInfo=socket={home}/munge.socket,cred_expire=5
StateSaveLocation={home}/state
SlurmdSpoolDir={home}/spool
SlurmctldPidFile={home}/slurmctld.pid
SlurmdPidFile={home}/slurmd.pid
SlurmctldLogFile={home}/slurmctld.log
SlurmdLogFile={home}/slurmd.log
# Without cgroups and without binding to processors: that works in any container.
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
SwitchType=switch/none
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
DefMemPerCPU={memory_per_cpu}
SlurmdParameters=config_overrides
ReturnToService=2
SchedulerParameters=sched_interval=1,bf_interval=1,batch_sched_delay=0,sched_min_interval=10000
MinJobAge=3600
KillWait=5
MaxArraySize={longest_array}
JobRequeue=1
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
GresTypes=gpu
NodeName={node} NodeAddr=127.0.0.1 CPUs={cpus} Boards=1 SocketsPerBoard=1 CoresPerSocket={cpus} ThreadsPerCore=1 \
RealMemory={memory} Gres=gpu:2 State=UNKNOWN
PartitionName=spare Nodes={node} PriorityTier=1 PreemptMode=REQUEUE GraceTime=20
PartitionName=gpu Nodes={node} Default=YES PriorityTier=2 PreemptMode=REQUEUE GraceTime=20
PartitionName=high Nodes={node} PriorityTier=3 PreemptMode=OFF
"""


def installed() -> bool:
    return all(shutil.which(name) for name in (*DAEMONS, "sbatch", "srun"))


class Cluster:
    """The daemons and files of one cluster below ``home``, a short path (sockets have short names)."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.configuration = home / "slurm.conf"

    def start(self) -> None:
        """Start the daemons and wait until the node takes jobs; RuntimeError with the logs where it does not."""
        user, node = subprocess.check_output(["id", "-un"], text=True).strip(), socket.gethostname().partition(".")[0]
        self.home.chmod(0o755)
        for name in ("state", "spool"):
            (self.home / name).mkdir()
        port, slurmd_port = free_ports(2)
        self.configuration.write_text(
            CONFIGURATION.format(
                node=node,
                user=user,
                home=self.home,
                port=port,
                slurmd_port=slurmd_port,
                longest_array=LONGEST_ARRAY,
                cpus=CPUS,
                memory=MEMORY_MB,
                memory_per_cpu=MEMORY_MB // CPUS,
            )
        )
        # Device files that exist everywhere stand in for GPUs; nobody opens them.
        gpus = (f"NodeName={node} Name=gpu File=/dev/{name}\n" for name in ("null", "zero"))
        self.configuration.with_name("gres.conf").write_text("".join(gpus))
        key = self.home / "munge.key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o400)
        files = {"key-file": key, "seed-file": self.home / "munge.seed", "log-file": self.home / "munged.log"}
        files |= {"socket": self.home / "munge.socket", "pid-file": self.home / "munged.pid"}
        subprocess.run(["munged", "--num-threads=2", *(f"--{k}={v}" for k, v in files.items())], check=True)
        subprocess.run(["slurmctld", "-f", self.configuration], check=True)
        subprocess.run(["slurmd", "-f", self.configuration, "-N", node], check=True)
        self.wait_until_idle()

    def wait_until_idle(self) -> None:
        words = ["sinfo", "--noheader", "--format=%t", "--partition=gpu"]
        said = ""
        for _ in range(150):
            done = subprocess.run(words, capture_output=True, text=True, env=self.environment)
            said = done.stdout.strip() or done.stderr.strip()
            if said == "idle":
                return
            time.sleep(0.2)
        logs = "\n".join(f"{path.name}:\n{path.read_text()[-1500:]}" for path in sorted(self.home.glob("*.log")))
        raise RuntimeError(f"the node is {said!r} after 30 s; the logs say:\n{logs}")

    def stop(self) -> None:
        """End all jobs, then the daemons; nothing of them is left."""
        subprocess.run(["scancel", "--quiet", f"--user={os.getuid()}"], env=self.environment)
        for _ in range(60):
            words = ["squeue", "--noheader"]
            if not subprocess.run(words, capture_output=True, text=True, env=self.environment).stdout.strip():
                break
            time.sleep(0.2)
        for name in reversed(DAEMONS):
            stop_daemon(self.home / f"{name}.pid", name)
        shutil.rmtree(self.home, ignore_errors=True)

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "SLURM_CONF": str(self.configuration)}


def stop_daemon(file: Path, name: str) -> None:
    """End the process whose id a daemon wrote down, if it is that daemon still."""
    if not file.exists():
        return
    pid = int(file.read_text())
    for number, seconds in ((signal.SIGTERM, 5.0), (signal.SIGKILL, 1.0)):
        if running(pid) == name:
            os.kill(pid, number)
        end = time.monotonic() + seconds
        while running(pid) == name and time.monotonic() < end:
            time.sleep(0.05)


def running(pid: int) -> str:
    """The name of a running process; "" for one that is gone, or dead and not yet reaped."""
    try:
        name, _, rest = Path(f"/proc/{pid}/stat").read_text().partition("(")[2].rpartition(")")
    except OSError:
        return ""
    return "" if rest.split()[0] == "Z" else name


def free_ports(n: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(n)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports
