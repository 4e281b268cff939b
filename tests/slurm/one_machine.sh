#!/usr/bin/env bash
# A real Slurm of this one machine: munged, slurmctld and slurmd on ports of their own, with all their
# files in one folder. Needs Debian's slurm-wlm and munge, and touches neither's installed settings.
#
#     tests/slurm/one_machine.sh start FOLDER
#     export SLURM_CONF=FOLDER/slurm.conf PATH=FOLDER/bin:$PATH
#     tests/slurm/one_machine.sh stop FOLDER    # forgets its jobs; the folder stays, with the logs
set -euo pipefail
export PATH=$PATH:/usr/sbin

folder=$(realpath "$2")
export SLURM_CONF=$folder/slurm.conf

write_settings() {
    # Two ports that are free now.
    read -r controller_port node_port < <(python3 -c '
import socket
sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
print(*(s.getsockname()[1] for s in sockets))')
    # The node claims the memory and the GPU that profiles/slurm asks for (config_overrides believes
    # it), so that the profile is tested as it is. /dev/null stands for the GPU: it is scheduled like
    # one, and jobs, which look for themselves, find none and take the CPU.
    cat >"$SLURM_CONF" <<END
ClusterName=one_machine
SlurmctldHost=$(hostname -s)(127.0.0.1)
SlurmUser=$(id -un)
SlurmdUser=$(id -un)
SlurmctldPort=$controller_port
SlurmdPort=$node_port
AuthType=auth/munge
AuthInfo=socket=$folder/munge.socket
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/slurmd.log
MinJobAge=86400
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SlurmdParameters=config_overrides
ReturnToService=2
GresTypes=gpu
NodeName=$(hostname -s) NodeAddr=127.0.0.1 CPUs=$(nproc) RealMemory=1000000 Gres=gpu:1
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
END
    echo "Name=gpu File=/dev/null" >"$folder/gres.conf"
    # Inside a job the executor plugin clears SLURM_CONF before it calls srun.
    printf '#!/bin/sh\nSLURM_CONF=%s exec %s "$@"\n' "$SLURM_CONF" "$(command -v srun)" \
        >"$folder/bin/srun"
    chmod +x "$folder/bin/srun"
}

start() {
    mkdir -p "$folder/state" "$folder/spool" "$folder/bin"
    write_settings
    head -c 1024 /dev/urandom >"$folder/munge.key"
    chmod 600 "$folder/munge.key"
    # --force: the folder may lie where others may write, as /tmp does.
    munged --force --key-file "$folder/munge.key" --socket "$folder/munge.socket" \
        --pid-file "$folder/munged.pid" --log-file "$folder/munged.log" \
        --seed-file "$folder/munged.seed" 2>"$folder/munged.err"
    slurmctld
    slurmd
    for _ in $(seq 60); do
        if [ "$(sinfo --noheader --format %T 2>/dev/null)" = idle ]; then return; fi
        sleep 0.5
    done
    tail --lines 5 "$folder"/*.log >&2
    echo "error: no idle node after 30 s; see the logs in $folder" >&2
    exit 1
}

stop() {
    timeout 10 scancel --user "$(id -un)" || true
    for daemon in slurmctld slurmd munged; do
        if pid=$(cat "$folder/$daemon.pid" 2>/dev/null); then
            kill "$pid" || true
            while kill -0 "$pid" 2>/dev/null; do sleep 0.2; done
        fi
    done
}

case $1 in
    start | stop) "$1" ;;
    *)
        echo "error: start FOLDER or stop FOLDER" >&2
        exit 2
        ;;
esac
