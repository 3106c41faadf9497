{{- define "wlf.name" -}}
{{- .Values.nameOverride | default .Chart.Name | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "wlf.fullname" -}}
{{- $name := include "wlf.name" . -}}
{{- $both := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) -}}
{{- .Values.fullnameOverride | default $both | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "wlf.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- .Values.serviceAccount.name | default (include "wlf.fullname" .) -}}
{{- else -}}
{{- required "serviceAccount.name: expected the name of an account, for serviceAccount.create is false" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "wlf.selectorLabels" -}}
app.kubernetes.io/name: {{ include "wlf.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "wlf.labels" -}}
{{ include "wlf.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "wlf.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}

{{/* The port that the config opens: the probes ask there. */}}
{{- define "wlf.port" -}}
{{- $config := fromYaml .Values.config -}}
{{- if hasKey $config "Error" }}{{ fail (printf "config: %s" $config.Error) }}{{ end -}}
{{- $address := $config.http | default "" | toString -}}
{{- if not (regexMatch ":[0-9]+$" $address) }}{{ fail "config: expected http: \":8080\" or another port, for the probes ask there" }}{{ end -}}
{{- if regexMatch "^(127\\.|localhost:|\\[::1\\])" $address }}{{ fail (printf "config: expected http: \":8080\", got %q, where no probe gets to" $address) }}{{ end -}}
{{- $shutdown := dig "shutdown_timeout_ms" 10000 $config | int -}}
{{- if lt (int .Values.terminationGracePeriodSeconds) (add (div $shutdown 1000) 15 | int) -}}
{{- fail (printf "terminationGracePeriodSeconds: expected the %d ms of shutdown_timeout_ms and 15 s, got %v" $shutdown .Values.terminationGracePeriodSeconds) -}}
{{- end -}}
{{- regexFind "[0-9]+$" $address -}}
{{- end -}}
