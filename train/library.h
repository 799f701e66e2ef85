// All that a program needs which trains a model of its own; README.md shows one.
#pragma once

#include "core/random.h"
#include "data/source.h"
#include "layers/models.h"
#include "layers/small_models.h"
#include "losses/cross_entropy_head.h"
#include "losses/elementwise_head.h"
#include "train/checkpoint.h"
#include "train/model_learner.h"
#include "train/optimizer/adam.h"
#include "train/optimizer/lion.h"
#include "train/optimizer/muon.h"
#include "train/optimizer/sgd.h"
#include "train/schedule.h"
#include "train/trainer.h"
