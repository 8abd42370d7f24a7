# The experiments of docs/results/unit.md, small: `make -j2 -f training/unit/experiments.mk` trains what is not there yet.
# Needs data/gr1, data/human (docs/training.md) and a base policy from both in runs/train/base_policy-tiny. A killed run goes on when make is called again.
RUN = uv run
TRAIN = $(RUN) train
USUAL = --bf16 --threads 1 --save-every 500 --out $(@D)
ROBOT = --data data/gr1
BOTH = --data data/gr1 data/human
TENTH = --data data/gr1 --episodes 0.1
TENTH_AND_HUMAN = --data data/gr1 data/human --episodes 0.1 1
G = runs/grid
W = model.safetensors
ALL = gr00t_R vla_R gr00t_B vla_B
TENTHS = gr00t_R10 vla_R10 gr00t_B10 vla_B10
AGAIN = gr00t_R10b vla_R10b gr00t_B10b vla_B10b
TOKENIZERS = gr00t_B vla_B vla_action vla_no_cross vla_vision vla_villa
ALONE = $(addprefix alone_,gr00t full action no_cross vision villa)
PLAYED = $(sort $(ALL) $(TENTHS) $(TOKENIZERS))

all: $(patsubst %,$(G)/%/$(W),$(PLAYED) $(AGAIN) $(ALONE))

# Names end with what was trained on: R the robot's demonstrations, B both bodies', R10 and B10 a tenth of the robot's, b tokenizer
# and policy once more with another seed; or with the variant of the tokenizer whose codes are predicted, trained on both.
$(G)/localizer_R/$(W): ; $(TRAIN) object_localizer $(ROBOT) --steps 3000 $(USUAL)
$(G)/localizer_R10/$(W): ; $(TRAIN) object_localizer $(TENTH) --steps 3000 $(USUAL)
$(G)/localizer_B/$(W): ; $(TRAIN) object_localizer $(BOTH) --steps 3000 $(USUAL)
$(G)/base_R/$(W): ; $(TRAIN) base_policy $(ROBOT) $(USUAL)
$(G)/base_R10/$(W): ; $(TRAIN) base_policy $(TENTH) $(USUAL)
$(G)/tok_R/$(W): ; $(TRAIN) tokenizer $(ROBOT) $(USUAL)
$(G)/tok_R10/$(W): ; $(TRAIN) tokenizer $(TENTH) --steps 1000 $(USUAL)
runs/train/tokenizer_%/$(W): ; $(TRAIN) tokenizer $(BOTH) --variant $* $(USUAL)

$(G)/gr00t_R/$(W): $(G)/localizer_R/$(W) $(G)/base_R/$(W)
	$(TRAIN) gr00t $(ROBOT) --localizer $(G)/localizer_R --base-policy $(G)/base_R --steps 1000 $(USUAL)
$(G)/vla_R/$(W): $(G)/localizer_R/$(W) $(G)/base_R/$(W) $(G)/tok_R/$(W)
	$(TRAIN) vla_unit $(ROBOT) --localizer $(G)/localizer_R --base-policy $(G)/base_R --tokenizer $(G)/tok_R --no-detach --steps 1000 $(USUAL)
$(G)/gr00t_R10/$(W): $(G)/localizer_R10/$(W) $(G)/base_R10/$(W)
	$(TRAIN) gr00t $(TENTH) --localizer $(G)/localizer_R10 --base-policy $(G)/base_R10 --steps 1000 $(USUAL)
$(G)/vla_R10/$(W): $(G)/localizer_R10/$(W) $(G)/base_R10/$(W) $(G)/tok_R10/$(W)
	$(TRAIN) vla_unit $(TENTH) --localizer $(G)/localizer_R10 --base-policy $(G)/base_R10 --tokenizer $(G)/tok_R10 --no-detach --steps 1000 $(USUAL)
$(G)/gr00t_B/$(W): $(G)/localizer_B/$(W)
	$(TRAIN) gr00t $(BOTH) --localizer $(G)/localizer_B --base-policy runs/train/base_policy-tiny --steps 1000 $(USUAL)
$(G)/vla_B/$(W): $(G)/localizer_B/$(W)
	$(TRAIN) vla_unit $(BOTH) --localizer $(G)/localizer_B --base-policy runs/train/base_policy-tiny --tokenizer checkpoints/tiny/tokenizer --no-detach --steps 1000 $(USUAL)
$(G)/vla_%/$(W): $(G)/localizer_B/$(W) runs/train/tokenizer_%/$(W)
	$(TRAIN) vla_unit $(BOTH) --localizer $(G)/localizer_B --base-policy runs/train/base_policy-tiny --tokenizer runs/train/tokenizer_$* --no-detach --steps 1000 $(USUAL)

$(G)/localizer_B10/$(W): ; $(TRAIN) object_localizer $(TENTH_AND_HUMAN) --steps 3000 $(USUAL)
$(G)/base_B10/$(W): ; $(TRAIN) base_policy $(TENTH_AND_HUMAN) $(USUAL)
$(G)/tok_B10/$(W): ; $(TRAIN) tokenizer $(TENTH_AND_HUMAN) --steps 1000 $(USUAL)
$(G)/gr00t_B10/$(W): $(G)/localizer_B10/$(W) $(G)/base_B10/$(W)
	$(TRAIN) gr00t $(TENTH_AND_HUMAN) --localizer $(G)/localizer_B10 --base-policy $(G)/base_B10 --steps 1000 $(USUAL)
$(G)/vla_B10/$(W): $(G)/localizer_B10/$(W) $(G)/base_B10/$(W) $(G)/tok_B10/$(W)
	$(TRAIN) vla_unit $(TENTH_AND_HUMAN) --localizer $(G)/localizer_B10 --base-policy $(G)/base_B10 --tokenizer $(G)/tok_B10 --no-detach --steps 1000 $(USUAL)

$(G)/tok_R10b/$(W): ; $(TRAIN) tokenizer $(TENTH) --seed 1 --steps 1000 $(USUAL)
$(G)/tok_B10b/$(W): ; $(TRAIN) tokenizer $(TENTH_AND_HUMAN) --seed 1 --steps 1000 $(USUAL)
$(G)/gr00t_R10b/$(W): $(G)/localizer_R10/$(W) $(G)/base_R10/$(W)
	$(TRAIN) gr00t $(TENTH) --seed 1 --localizer $(G)/localizer_R10 --base-policy $(G)/base_R10 --steps 1000 $(USUAL)
$(G)/vla_R10b/$(W): $(G)/localizer_R10/$(W) $(G)/base_R10/$(W) $(G)/tok_R10b/$(W)
	$(TRAIN) vla_unit $(TENTH) --seed 1 --localizer $(G)/localizer_R10 --base-policy $(G)/base_R10 --tokenizer $(G)/tok_R10b --no-detach --steps 1000 $(USUAL)
$(G)/gr00t_B10b/$(W): $(G)/localizer_B10/$(W) $(G)/base_B10/$(W)
	$(TRAIN) gr00t $(TENTH_AND_HUMAN) --seed 1 --localizer $(G)/localizer_B10 --base-policy $(G)/base_B10 --steps 1000 $(USUAL)
$(G)/vla_B10b/$(W): $(G)/localizer_B10/$(W) $(G)/base_B10/$(W) $(G)/tok_B10b/$(W)
	$(TRAIN) vla_unit $(TENTH_AND_HUMAN) --seed 1 --localizer $(G)/localizer_B10 --base-policy $(G)/base_B10 --tokenizer $(G)/tok_B10b --no-detach --steps 1000 $(USUAL)

# Without a base policy, so that what pictures and codes bring can show; all on both bodies.
$(G)/alone_gr00t/$(W): $(G)/localizer_B/$(W)
	$(TRAIN) gr00t $(BOTH) --localizer $(G)/localizer_B --base-policy none --steps 600 $(USUAL)
$(G)/alone_full/$(W): $(G)/localizer_B/$(W)
	$(TRAIN) vla_unit $(BOTH) --localizer $(G)/localizer_B --base-policy none --tokenizer checkpoints/tiny/tokenizer --no-detach --steps 600 $(USUAL)
$(G)/alone_%/$(W): $(G)/localizer_B/$(W) runs/train/tokenizer_%/$(W)
	$(TRAIN) vla_unit $(BOTH) --localizer $(G)/localizer_B --base-policy none --tokenizer runs/train/tokenizer_$* --no-detach --steps 600 $(USUAL)

# Success, and errors on held-out demonstrations in pairs with the first policy.
agent = $(if $(findstring gr00t,$*),gr00t,vla_unit)
PLAY = $(RUN) evaluate --agent $(agent) --out $(@D) --options.checkpoint $(<D)
evaluations: $(patsubst %,runs/in_%/table.md,$(PLAYED) $(AGAIN) $(ALONE)) $(PLAYED:%=runs/ood_%/table.md) $(TENTHS:%=runs/again_%/table.md)
runs/in_alone_%/table.md: $(G)/alone_%/$(W) ; $(PLAY) --suite robocasa_gr1 --seed 0 --episodes 1
runs/in_%/table.md: $(G)/%/$(W) ; $(PLAY) --suite robocasa_gr1 --seed 0 --episodes 2
runs/again_%/table.md: $(G)/%/$(W) ; $(PLAY) --suite robocasa_gr1 --seed 1 --episodes 2
runs/ood_%/table.md: $(G)/%/$(W) ; $(PLAY) --suite robocasa_ood --seed 0 --episodes 1
IMITATION = $(RUN) crossbody analyse imitation --data data/gr1
errors: $(addprefix pair_,R B R10 B10 R10b B10b) $(patsubst %,$(G)/%/$(W),$(PLAYED) $(ALONE)) $(patsubst %,runs/in_%/table.md,$(ALL) $(TENTHS))
	$(IMITATION) --policies $(ALL:%=$(G)/%) $(TENTHS:%=$(G)/%) --out runs/analyse/amounts
	$(IMITATION) --policies $(TENTHS:%=$(G)/%) --out runs/analyse/tenths
	$(IMITATION) --policies $(TOKENIZERS:%=$(G)/%) --out runs/analyse/tokenizers
	$(IMITATION) --policies $(ALONE:%=$(G)/%) --out runs/analyse/alone
	$(RUN) crossbody analyse efficiency --runs $(addprefix runs/in_,$(ALL) $(TENTHS))
pair_%: $(G)/gr00t_%/$(W) $(G)/vla_%/$(W)
	$(IMITATION) --policies $(G)/gr00t_$* $(G)/vla_$* --out runs/analyse/$@
.PHONY: all evaluations errors
.SECONDARY:
