#!/usr/bin/env bash
# Builds deploy/kubernetes with kubectl's kustomize and validates what comes out against Kubernetes' own schemas (kubernetes-validate from PyPI):
#   bash tests/interop/check_kubernetes.sh
# Takes kubectl from KUBECTL or the PATH. Debian 12's is so old that it knows the newer spelling of two fields only by their older names.
set -euo pipefail
cd "$(dirname "$0")/../.."
scratch="$(mktemp -d)"
trap 'rm -rf "$scratch"' EXIT
python="${DAK_KUBERNETES_VENV:-$scratch/venv}"
if [ ! -x "$python/bin/kubernetes-validate" ]; then
	python3 -m venv "$python"
	"$python/bin/pip" install --quiet kubernetes-validate==1.37.0
fi
cp -r deploy/kubernetes "$scratch/kubernetes"
kubectl="${KUBECTL:-kubectl}"
if ! "$kubectl" kustomize "$scratch/kubernetes/gpu" >/dev/null 2>&1; then
	for file in "$scratch"/kubernetes/{gpu,redis}/kustomization.yaml; do
		sed -i -e 's/^resources: \[\.\.\/base\]/bases: [..\/base]/' -e 's/^resources: \[\.\.\/base, /bases: [..\/base]\nresources: [/' \
			-e 's/^patches:/patchesStrategicMerge:/' -e 's/^  - path: /  - /' "$file"
	done
fi
for overlay in base gpu redis; do
	"$kubectl" kustomize "$scratch/kubernetes/$overlay" >"$scratch/$overlay.yaml"
	"$python/bin/kubernetes-validate" --strict --quiet --no-warn "$scratch/$overlay.yaml"
	echo "$overlay: $(grep -c '^kind:' "$scratch/$overlay.yaml") resources are valid"
done
