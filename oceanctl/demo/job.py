"""What the demo submits: a Job of twelve pods with the ConfigMap and the Secret they read."""

from typing import Final

NAME: Final = "fractals"
PODS: Final = 12
SLEEP_SECONDS: Final = 30  # long enough to be caught running when a window closes, also on a busy machine

MANIFESTS: Final = f"""\
apiVersion: v1
kind: ConfigMap
metadata:
  name: {NAME}-settings
data:
  palette: ocean
---
apiVersion: v1
kind: Secret
metadata:
  name: {NAME}-key
stringData:
  key: not-a-real-key
---
apiVersion: batch/v1
kind: Job
metadata:
  name: {NAME}
spec:
  completions: {PODS}
  parallelism: {PODS}
  backoffLimit: {PODS}  # a reclaimed pod counts as a failure
  template:
    spec:
      restartPolicy: Never
      automountServiceAccountToken: false
      tolerations:
        - key: kubeocean.io/vnode
          operator: Exists
      containers:
        - name: render
          image: busybox
          command: [sleep, "{SLEEP_SECONDS}"]
          resources:
            requests:
              cpu: 500m
              memory: 64Mi
          env:
            - name: PALETTE
              valueFrom:
                configMapKeyRef:
                  name: {NAME}-settings
                  key: palette
          volumeMounts:
            - name: key
              mountPath: /key
              readOnly: true
      volumes:
        - name: key
          secret:
            secretName: {NAME}-key
"""
